//! Size, times and hints of an open file.

use crate::errno::{Answer, Errno, answer};
use crate::fs::inode::Node;
use crate::host::{Call, Host};
use crate::types::{fstflags, rights};
use crate::wasi::Wasi;

/// The last of the `advice` values.
const LAST_ADVICE: u32 = 5;

impl Wasi {
    pub fn fd_advise<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        _offset: u64,
        len: u64,
        advice: u32,
    ) -> Errno {
        answer(
            self.advise(call, fd, advice)
                .and_then(|()| offset_of(len))
                .map(|_| ()),
        )
    }

    pub fn fd_allocate<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        offset: u64,
        len: u64,
    ) -> Errno {
        answer(self.allocate(call, fd, offset, len))
    }

    pub fn fd_datasync<H: Host>(&mut self, _: &mut Call<'_, H>, fd: u32) -> Errno {
        answer(self.sync(fd))
    }

    pub fn fd_sync<H: Host>(&mut self, _: &mut Call<'_, H>, fd: u32) -> Errno {
        answer(self.sync(fd))
    }

    pub fn fd_filestat_set_size<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        size: u64,
    ) -> Errno {
        answer(self.resize(call, fd, size))
    }

    pub fn fd_filestat_set_times<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Errno {
        answer(self.set_times(call, fd, atim, mtim, flags))
    }

    pub(crate) fn advise<H: Host>(&self, call: &Call<'_, H>, fd: u32, advice: u32) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Spipe)?;
        if advice > LAST_ADVICE {
            return Err(Errno::Inval);
        }
        if call.fs.is_directory(id) {
            return Err(Errno::Badf);
        }
        descriptor.require(rights::FD_ADVISE)
    }

    fn allocate<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        offset: u64,
        len: u64,
    ) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Spipe)?;
        let Node::File(content) = &call.fs.inode(id).node else {
            return Err(Errno::Isdir);
        };
        descriptor.require(rights::FD_ALLOCATE)?;
        if len == 0 {
            return Err(Errno::Inval);
        }
        let end = offset_of(offset)?
            .checked_add(offset_of(len)?)
            .ok_or(Errno::Fbig)?;
        if end <= content.len() {
            return Ok(());
        }
        let now = call.host.realtime();
        call.fs.set_size(id, end, now)
    }

    /// Everything is in memory: nothing to wait for.
    pub(crate) fn sync(&self, fd: u32) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        if descriptor.rights & (rights::FD_SYNC | rights::FD_DATASYNC) == 0 {
            return Err(Errno::Notcapable);
        }
        Ok(())
    }

    pub(crate) fn resize<H: Host>(&self, call: &mut Call<'_, H>, fd: u32, size: u64) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Inval)?;
        if call.fs.is_directory(id) {
            return Err(Errno::Isdir);
        }
        descriptor.require(rights::FD_FILESTAT_SET_SIZE)?;
        let now = call.host.realtime();
        call.fs.set_size(id, offset_of(size)?, now)
    }

    fn set_times<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        let now = call.host.realtime();
        let (atim, mtim) = times(atim, mtim, flags, now)?;
        let id = descriptor.node(Errno::Inval)?;
        descriptor.require(rights::FD_FILESTAT_SET_TIMES)?;
        call.fs.set_times(id, atim, mtim, now)
    }
}

/// A place in a file. POSIX has them signed; what would be negative there is INVAL.
pub(super) fn offset_of(value: u64) -> Answer<u64> {
    i64::try_from(value)
        .map(i64::cast_unsigned)
        .map_err(|_| Errno::Inval)
}

/// Which times to set, and to what.
pub(super) fn times(
    atim: u64,
    mtim: u64,
    flags: u32,
    now: u64,
) -> Answer<(Option<u64>, Option<u64>)> {
    if flags & !fstflags::ALL != 0 {
        return Err(Errno::Inval);
    }
    let choose = |set: u32, set_now: u32, value: u64| match (flags & set != 0, flags & set_now != 0)
    {
        (true, true) => Err(Errno::Inval),
        (true, false) => Ok(Some(value)),
        (false, true) => Ok(Some(now)),
        (false, false) => Ok(None),
    };
    Ok((
        choose(fstflags::ATIM, fstflags::ATIM_NOW, atim)?,
        choose(fstflags::MTIM, fstflags::MTIM_NOW, mtim)?,
    ))
}
