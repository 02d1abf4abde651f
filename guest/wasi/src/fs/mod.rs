//! The file system: one tree of inodes; tar layers, `/home` and `/tmp` are mounted into it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// How a tar is mounted: `MOUNT_*` of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Read-only; several on one path stack, the last on top.
    Layer,
    /// Writable over the tar; `export` tells what changed. One in a file system.
    Home,
    /// Writable and forgotten.
    Tmp,
}

/// Limits of the writable mounts.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub home_bytes: u64,
    pub home_files: u64,
    pub tmp_bytes: u64,
    pub tmp_files: u64,
}

/// Why a file-system command was refused; `Display` says it for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsError(pub(crate) String);

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which limit a program ran into; the first one is kept. `Display` says it for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaHit {
    HomeBytes(u64),
    HomeFiles(u64),
    TmpBytes(u64),
    TmpFiles(u64),
    Depth(u64),
    OpenFiles(u64),
}

impl fmt::Display for QuotaHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

pub struct FileSystem {}

impl FileSystem {
    /// An empty, read-only root. `now`: nanoseconds since 1970.
    #[must_use]
    pub fn new(_now: u64) -> Self {
        FileSystem {}
    }

    /// CMD_MOUNT.
    ///
    /// # Errors
    /// The tar is damaged or hostile, or the path does not allow it.
    pub fn mount(
        &mut self,
        _path: &str,
        _tar: &'static [u8],
        _mode: Mode,
        _now: u64,
    ) -> Result<(), FsError> {
        Err(FsError("not yet".into()))
    }

    /// CMD_PUT_FILE: makes `path` a file with these bytes, not copied; parents are made.
    ///
    /// # Errors
    /// The path is not usable.
    pub fn put_file(
        &mut self,
        _path: &str,
        _data: &'static [u8],
        _now: u64,
    ) -> Result<(), FsError> {
        Err(FsError("not yet".into()))
    }

    /// CMD_DEFER: an empty file until its first open asks the host.
    ///
    /// # Errors
    /// The path is not usable.
    pub fn defer(&mut self, _path: &str, _now: u64) -> Result<(), FsError> {
        Err(FsError("not yet".into()))
    }

    /// CMD_READ_FILE: the file's size and at most `max` bytes from `offset`.
    ///
    /// # Errors
    /// No such file.
    pub fn read_file(
        &self,
        _path: &str,
        _offset: u64,
        _max: usize,
    ) -> Result<(u64, &[u8]), FsError> {
        Err(FsError("not yet".into()))
    }

    /// CMD_QUOTA.
    pub fn set_quota(&mut self, _quota: Quota) {}

    /// The first limit that a program hit since the last call of `clear_quota_hit`.
    #[must_use]
    pub fn quota_hit(&self) -> Option<QuotaHit> {
        None
    }

    pub fn clear_quota_hit(&mut self) {}

    /// CMD_EXPORT: the next piece, at most `max` bytes, of the tar of what changed under the Home
    /// mount, and whether more follows. Nothing changed: `(false, [])`.
    pub fn export(&mut self, _max: usize) -> (bool, Vec<u8>) {
        (false, Vec::new())
    }
}
