//! The functions of `wasi_snapshot_preview1`, one file per kind.
//!
//! Each public method is a thin frame: the work is a private function that answers with `?`.

mod args;
mod clock;
mod fd_file;
mod fd_io;
mod fd_state;
mod path_change;
pub(crate) mod path_open;
mod path_read;
mod poll;
mod process;
mod readdir;
mod sock;
