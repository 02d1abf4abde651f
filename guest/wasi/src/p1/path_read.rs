//! Questions about paths: stat, times, the target of a symlink.

use super::fd_file::times;
use crate::errno::{Answer, Errno, answer};
use crate::fs::FileSystem;
use crate::fs::inode::Node;
use crate::host::{Call, Host};
use crate::memory;
use crate::types::{FileStat, SYMLINK_FOLLOW, rights};
use crate::wasi::Wasi;

impl Wasi {
    #[allow(clippy::too_many_arguments)]
    pub fn path_filestat_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        stat: u32,
    ) -> Errno {
        answer(memory::path(call.mem, path, path_len).and_then(|path| {
            let found = self.path_stat(call, fd, follow(lookup)?, &path)?;
            memory::write(call.mem, stat, &found.encode())
        }))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn path_filestat_set_times<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Errno {
        answer(memory::path(call.mem, path, path_len).and_then(|path| {
            let now = call.host.realtime();
            let times = times(atim, mtim, flags, now)?;
            self.path_times(call, fd, follow(lookup)?, &path, times)
        }))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn path_readlink<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
        buf: u32,
        buf_len: u32,
        used: u32,
    ) -> Errno {
        answer(memory::path(call.mem, path, path_len).and_then(|path| {
            let target = self.readlink(call.fs, fd, &path)?;
            memory::bytes(call.mem, used, 4)?;
            let out = memory::bytes_mut(call.mem, buf, buf_len)?;
            let count = target.len().min(out.len());
            out[..count].copy_from_slice(&target.as_bytes()[..count]);
            memory::write_u32(call.mem, used, count as u32)
        }))
    }

    pub(crate) fn path_stat<H: Host>(
        &self,
        call: &Call<'_, H>,
        fd: u32,
        follow: bool,
        path: &str,
    ) -> Answer<FileStat> {
        let dir = self.base(call.fs, fd, rights::PATH_FILESTAT_GET)?;
        let found = call.fs.resolve(dir, path, follow)?;
        Ok(call.fs.inode(found.existing(call.fs)?).stat())
    }

    pub(crate) fn path_times<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        follow: bool,
        path: &str,
        (atim, mtim): (Option<u64>, Option<u64>),
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_FILESTAT_SET_TIMES)?;
        let now = call.host.realtime();
        let id = call.fs.resolve(dir, path, follow)?.existing(call.fs)?;
        call.fs.set_times(id, atim, mtim, now)
    }

    pub(crate) fn readlink<'a>(&self, fs: &'a FileSystem, fd: u32, path: &str) -> Answer<&'a str> {
        let dir = self.base(fs, fd, rights::PATH_READLINK)?;
        let id = fs.resolve(dir, path, false)?.existing(fs)?;
        match &fs.inode(id).node {
            Node::Symlink(target) => Ok(target),
            _ => Err(Errno::Inval),
        }
    }
}

/// `lookupflags` as "follow a symlink at the end".
pub(super) fn follow(lookup: u32) -> Answer<bool> {
    match lookup {
        0 => Ok(false),
        SYMLINK_FOLLOW => Ok(true),
        _ => Err(Errno::Inval),
    }
}
