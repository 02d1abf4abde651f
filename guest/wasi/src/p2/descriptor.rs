//! Open files and directories: contents, state and times.

use alloc::vec::Vec;

use crate::errno::{Answer, Errno};
use crate::fs::inode::Id;
use crate::host::{Call, Host};
use crate::p2::stream::zeros;
use crate::types::{FileStat, FileType, rights};
use crate::wasi::Wasi;

impl Wasi {
    /// Reads at most `MAX_READ` bytes at `offset`; true: the file ends behind them.
    ///
    /// # Errors
    /// It is no file that may be read.
    pub fn read_at<H: Host>(
        &self,
        call: &Call<'_, H>,
        fd: u32,
        len: u64,
        offset: u64,
    ) -> Answer<(Vec<u8>, bool)> {
        let id = self.node(fd, rights::FD_READ)?;
        let mut data = zeros(len)?;
        let count = call.fs.read_at(id, offset, &mut data)?;
        data.truncate(count);
        let end = offset.saturating_add(count as u64) >= call.fs.inode(id).size();
        Ok((data, end))
    }

    /// Writes at `offset` what the quota allows. Returns the count.
    ///
    /// # Errors
    /// It is no file that may be written, or there is no room for a byte.
    pub fn write_at<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        data: &[u8],
        offset: u64,
    ) -> Answer<u64> {
        let id = self.node(fd, rights::FD_WRITE)?;
        let now = call.host.realtime();
        let count = call.fs.write_at(id, offset, data, now)?;
        Ok(count as u64)
    }

    /// # Errors
    /// It is no file or directory.
    pub fn stat<H: Host>(&self, call: &Call<'_, H>, fd: u32) -> Answer<FileStat> {
        Ok(call.fs.inode(self.fds.get(fd)?.node(Errno::Badf)?).stat())
    }

    /// The type, and whether it may be read, written, and (a directory) changed.
    ///
    /// # Errors
    /// It is no file or directory.
    pub fn access<H: Host>(&self, call: &Call<'_, H>, fd: u32) -> Answer<(FileType, [bool; 3])> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Badf)?;
        let has = |right| descriptor.rights & right != 0;
        let access = if call.fs.is_directory(id) {
            [
                has(rights::FD_READDIR),
                false,
                call.fs.check_writable(id).is_ok(),
            ]
        } else {
            [has(rights::FD_READ), has(rights::FD_WRITE), false]
        };
        Ok((call.fs.inode(id).file_type(), access))
    }

    /// # Errors
    /// It is no file that may be written, or too long.
    pub fn set_size<H: Host>(&self, call: &mut Call<'_, H>, fd: u32, size: u64) -> Answer<()> {
        self.resize(call, fd, size)
    }

    /// # Errors
    /// It is read-only.
    pub fn set_fd_times<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        fd: u32,
        (atim, mtim): (Option<u64>, Option<u64>),
    ) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Badf)?;
        descriptor.require(rights::FD_FILESTAT_SET_TIMES)?;
        let now = call.host.realtime();
        call.fs.set_times(id, atim, mtim, now)
    }

    /// Takes note of how a file will be used, which changes nothing.
    ///
    /// # Errors
    /// It is no file.
    pub fn advise_fd<H: Host>(&self, call: &Call<'_, H>, fd: u32) -> Answer<()> {
        self.advise(call, fd, 0)
    }

    /// Everything is in memory: nothing to wait for.
    ///
    /// # Errors
    /// It is not open.
    pub fn sync_fd(&self, fd: u32) -> Answer<()> {
        self.sync(fd)
    }

    /// Closes a descriptor or stream; nothing happens if it is closed.
    pub fn close_fd<H: Host>(&mut self, call: &mut Call<'_, H>, fd: u32) {
        let _ = self.fd_close(call, fd);
    }

    /// The inode of a descriptor that has a right.
    fn node(&self, fd: u32, right: u64) -> Answer<Id> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Badf)?;
        descriptor.require(right).map_err(|_| Errno::Badf)?;
        Ok(id)
    }
}
