//! The WASI world of a program: its arguments, environment and open files.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::errno::{Answer, Errno};
use crate::fd_table::{Descriptor, FdTable, Target};
use crate::fs::inode::Id;
use crate::fs::{FileSystem, FsError};
use crate::host::{STDERR, STDOUT};
use crate::types::rights;

/// `proc_exit` was called with this code: end the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u32);

/// One program's world.
pub struct Wasi {
    pub(crate) args: Vec<String>,
    /// `NAME=VALUE`.
    pub(crate) env: Vec<String>,
    pub(crate) fds: FdTable,
    /// The host is asked for input; otherwise stdin is at its end, and no terminal.
    pub(crate) stdin: bool,
    /// The monotonic clock at the first question for the time of the process.
    pub(crate) started: Option<u64>,
}

impl Wasi {
    /// CMD_WASI. A preopen is a directory of `fs`, `"/home"`; the program sees it by that name, or by
    /// another: `"/home::."` opens `/home` under the name `.`, and `"."` is `"/::."`.
    ///
    /// # Errors
    /// A string holds a NUL, a name of the environment is empty or holds `=`, a preopen is no directory.
    pub fn new(
        fs: &mut FileSystem,
        args: Vec<String>,
        env: Vec<(String, String)>,
        preopens: &[String],
        stdin: bool,
    ) -> Result<Self, FsError> {
        if args
            .iter()
            .chain(env.iter().flat_map(|(name, value)| [name, value]))
            .any(|text| text.contains('\0'))
        {
            return Err(FsError("an argument or the environment holds a NUL".into()));
        }
        if let Some((name, _)) = env
            .iter()
            .find(|(name, _)| name.is_empty() || name.contains('='))
        {
            return Err(FsError(format!(
                "{name:?} is no name for an environment variable"
            )));
        }
        let env = env
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut wasi = Wasi {
            args,
            env,
            fds: FdTable::default(),
            stdin,
            started: None,
        };
        for (target, right) in [
            (Target::Stdin, rights::FD_READ),
            (Target::Output(STDOUT), rights::FD_WRITE),
            (Target::Output(STDERR), rights::FD_WRITE),
        ] {
            let descriptor = Descriptor {
                target,
                rights: rights::STREAM | right,
                inheriting: 0,
                flags: 0,
                position: 0,
                preopen: None,
            };
            wasi.fds.add(descriptor).map_err(|_| too_many())?;
        }
        for preopen in preopens {
            if let Err(error) = wasi.preopen(fs, preopen) {
                wasi.close(fs);
                return Err(error);
            }
        }
        Ok(wasi)
    }

    fn preopen(&mut self, fs: &mut FileSystem, preopen: &str) -> Result<(), FsError> {
        let (path, name) = preopen.split_once("::").unwrap_or((preopen, preopen));
        let id = fs.find(path)?;
        if !fs.is_directory(id) {
            return Err(FsError(format!(
                "{path:?} is no directory that could be preopened"
            )));
        }
        let descriptor = Descriptor {
            target: Target::Node(id),
            rights: rights::DIRECTORY,
            inheriting: rights::INHERITING,
            flags: 0,
            position: 0,
            preopen: Some(name.into()),
        };
        self.fds.add(descriptor).map_err(|_| too_many())?;
        fs.hold(id);
        Ok(())
    }

    /// Closes every file: call it before the world is dropped, if the file system lives on.
    pub fn close(&mut self, fs: &mut FileSystem) {
        for descriptor in self.fds.drain() {
            if let Target::Node(id) = descriptor.target {
                fs.release(id);
            }
        }
    }

    /// The directory behind a descriptor that has all of these rights.
    pub(crate) fn base(&self, fs: &FileSystem, fd: u32, rights: u64) -> Answer<Id> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Notdir)?;
        fs.directory(id)?;
        descriptor.require(rights)?;
        Ok(id)
    }
}

fn too_many() -> FsError {
    FsError("too many preopened directories".into())
}
