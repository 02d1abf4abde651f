//! WASI 0.1 and 0.2 over an in-memory file system, for a guest without an operating system.
//!
//! `Wasi` has one method for each of the 46 functions of WASI 0.1, and more for 0.2 in `p2`;
//! `FileSystem` is what they work on; `Host` is what they need from below. Every argument is
//! hostile: no call panics, overflows, loops without bound or takes memory without a limit
//! (`limits.rs`).

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod errno;
mod fd_table;
mod fs;
mod functions;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod host;
mod limits;
mod memory;
mod p1;
pub mod p2;
mod tar;
mod types;
mod wasi;

pub use errno::Errno;
pub use fs::{FileSystem, FsError, Mode, Quota, QuotaHit};
pub use host::{Call, Host, STDERR, STDOUT};
pub use types::{FileStat, FileType};
pub use wasi::{Exit, Wasi};
