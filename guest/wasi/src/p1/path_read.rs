//! Questions about paths: stat, times, the target of a symlink.

use super::fd_file::times;
use crate::errno::{Answer, Errno, answer};
use crate::fs::inode::Node;
use crate::host::{Call, Host};
use crate::memory;
use crate::types::{SYMLINK_FOLLOW, rights};
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
        answer(self.path_stat(call, fd, lookup, (path, path_len), stat))
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
        answer(self.path_times(call, fd, lookup, (path, path_len), (atim, mtim, flags)))
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
        answer(self.readlink(call, fd, (path, path_len), (buf, buf_len), used))
    }

    fn path_stat<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        lookup: u32,
        (path, path_len): (u32, u32),
        stat: u32,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_FILESTAT_GET)?;
        let path = memory::path(call.mem, path, path_len)?;
        let found = call.fs.resolve(dir, &path, follow(lookup)?)?;
        let found = call.fs.inode(found.existing(call.fs)?).stat();
        memory::write(call.mem, stat, &found.encode())
    }

    fn path_times<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        lookup: u32,
        (path, path_len): (u32, u32),
        (atim, mtim, flags): (u64, u64, u32),
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_FILESTAT_SET_TIMES)?;
        let path = memory::path(call.mem, path, path_len)?;
        let now = call.host.realtime();
        let (atim, mtim) = times(atim, mtim, flags, now)?;
        let id = call
            .fs
            .resolve(dir, &path, follow(lookup)?)?
            .existing(call.fs)?;
        call.fs.set_times(id, atim, mtim, now)
    }

    fn readlink<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        (path, path_len): (u32, u32),
        (buf, buf_len): (u32, u32),
        used: u32,
    ) -> Answer<()> {
        let dir = self.base(call.fs, fd, rights::PATH_READLINK)?;
        let path = memory::path(call.mem, path, path_len)?;
        let id = call.fs.resolve(dir, &path, false)?.existing(call.fs)?;
        let Node::Symlink(target) = &call.fs.inode(id).node else {
            return Err(Errno::Inval);
        };
        memory::bytes(call.mem, used, 4)?;
        let out = memory::bytes_mut(call.mem, buf, buf_len)?;
        let count = target.len().min(out.len());
        out[..count].copy_from_slice(&target.as_bytes()[..count]);
        memory::write_u32(call.mem, used, count as u32)
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
