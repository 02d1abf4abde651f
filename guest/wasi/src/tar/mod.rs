//! Tar files: reading layers, writing what changed.

pub mod header;
pub mod read;
