//! The WASI world of a program: its arguments, environment and open files.

use alloc::string::String;
use alloc::vec::Vec;

use crate::errno::Errno;
use crate::fs::{FileSystem, FsError};
use crate::host::{Call, Host};

/// `proc_exit` was called with this code: end the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u32);

/// One program's world.
pub struct Wasi {}

impl Wasi {
    /// CMD_WASI. A preopen is a directory of `fs`, `"/home"`; the program sees it by that name, or by
    /// another: `"/home::."` opens `/home` under the name `.`. `stdin` false: it is at its end.
    ///
    /// # Errors
    /// An argument holds a NUL, or a preopen is no directory.
    pub fn new(
        _fs: &mut FileSystem,
        _args: Vec<String>,
        _env: Vec<(String, String)>,
        _preopens: &[String],
        _stdin: bool,
    ) -> Result<Self, FsError> {
        Ok(Wasi {})
    }

    /// Closes every file: call it before the world is dropped, if the file system lives on.
    pub fn close(&mut self, _fs: &mut FileSystem) {}

    pub fn proc_exit<H: Host>(&mut self, _call: &mut Call<'_, H>, code: u32) -> Exit {
        Exit(code)
    }
}

macro_rules! skeleton {
    ($($name:ident($($arg:ident: $ty:ty),* $(,)?);)*) => {
        #[allow(clippy::too_many_arguments, unused_variables)]
        impl Wasi {
            $(pub fn $name<H: Host>(&mut self, call: &mut Call<'_, H>, $($arg: $ty),*) -> Errno { Errno::Nosys })*
        }
    };
}
crate::for_each_function!(skeleton);
