//! What WASI 0.2 needs beyond 0.1, in terms of the same descriptors, rights and file system.
//!
//! Every resource of WASI 0.2 that stands for a file or a stream is a descriptor of the table that
//! WASI 0.1 uses, named by its number: one limit on open files, one set of rules, and a resource that
//! is dropped closes its descriptor. The functions answer with `Errno`; the image turns that into
//! `error-code`. No argument makes a call panic, or allocate more than `MAX_READ` bytes.

mod descriptor;
mod directory;
mod path;
mod process;
mod stream;

pub use directory::Listed;
pub use path::Open;
pub use stream::MAX_READ;
