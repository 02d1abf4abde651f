//! Reading, writing and seeking.

use super::fd_file::offset_of;
use crate::errno::{Answer, Errno, answer};
use crate::fd_table::Target;
use crate::fs::inode::{Id, Node};
use crate::host::{Call, Host};
use crate::memory;
use crate::types::{fdflags, rights};
use crate::wasi::Wasi;

impl Wasi {
    pub fn fd_read<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        nread: u32,
    ) -> Errno {
        answer(self.read(call, fd, (iovs, iovs_len), None, nread))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn fd_pread<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        offset: u64,
        nread: u32,
    ) -> Errno {
        answer(self.read(call, fd, (iovs, iovs_len), Some(offset), nread))
    }

    pub fn fd_write<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        nwritten: u32,
    ) -> Errno {
        answer(self.write(call, fd, (iovs, iovs_len), None, nwritten))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn fd_pwrite<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        offset: u64,
        nwritten: u32,
    ) -> Errno {
        answer(self.write(call, fd, (iovs, iovs_len), Some(offset), nwritten))
    }

    pub fn fd_seek<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        offset: u64,
        whence: u32,
        position: u32,
    ) -> Errno {
        answer(self.seek(call, fd, offset.cast_signed(), whence, position))
    }

    pub fn fd_tell<H: Host>(&mut self, call: &mut Call<'_, H>, fd: u32, position: u32) -> Errno {
        answer(self.seek(call, fd, 0, 1, position))
    }

    /// Reads into buffers, at `offset` or at the descriptor's position.
    fn read<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        (iovs, count): (u32, u32),
        offset: Option<u64>,
        nread: u32,
    ) -> Answer<()> {
        let descriptor = self.fds.get_mut(fd)?;
        let id = match descriptor.target {
            Target::Node(id) => Some(id),
            Target::Stdin if offset.is_none() => None,
            Target::Output(_) if offset.is_none() => return Err(Errno::Badf),
            Target::Stdin | Target::Output(_) => return Err(Errno::Spipe),
        };
        if id.is_some_and(|id| call.fs.is_directory(id)) {
            return Err(Errno::Isdir);
        }
        descriptor
            .require(rights::FD_READ)
            .map_err(|_| Errno::Badf)?;
        memory::check_array(call.mem, iovs, count, 8)?;
        memory::bytes(call.mem, nread, 4)?;
        let start = offset_of(offset.unwrap_or(descriptor.position))?;
        let mut total: u32 = 0;
        for index in 0..count {
            let (at, len) = memory::iovec(call.mem, iovs, index)?;
            let buf = memory::bytes_mut(call.mem, at, len.min(u32::MAX - total))?;
            if buf.is_empty() {
                continue;
            }
            let wanted = buf.len();
            let got = match id {
                Some(id) => call
                    .fs
                    .read_at(id, start.saturating_add(u64::from(total)), buf)?,
                None if self.stdin => call.host.read_stdin(buf).min(wanted),
                None => 0,
            };
            total += got as u32; // at most len, a u32
            // A stream gives what it has; asking again might block.
            if got < wanted || id.is_none() {
                break;
            }
        }
        if offset.is_none() && id.is_some() {
            descriptor.position = start.saturating_add(u64::from(total));
        }
        memory::write_u32(call.mem, nread, total)
    }

    /// Writes from buffers, at `offset`, at the end (append) or at the descriptor's position.
    fn write<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        (iovs, count): (u32, u32),
        offset: Option<u64>,
        nwritten: u32,
    ) -> Answer<()> {
        let descriptor = self.fds.get_mut(fd)?;
        let (id, stream) = match descriptor.target {
            Target::Node(id) => (Some(id), 0),
            Target::Output(stream) if offset.is_none() => (None, stream),
            Target::Stdin if offset.is_none() => return Err(Errno::Badf),
            Target::Stdin | Target::Output(_) => return Err(Errno::Spipe),
        };
        if id.is_some_and(|id| call.fs.is_directory(id)) {
            return Err(Errno::Isdir);
        }
        descriptor
            .require(rights::FD_WRITE)
            .map_err(|_| Errno::Badf)?;
        memory::check_array(call.mem, iovs, count, 8)?;
        memory::bytes(call.mem, nwritten, 4)?;
        let start = match (offset, id) {
            (Some(offset), _) => offset_of(offset)?,
            (None, Some(id)) if descriptor.flags & fdflags::APPEND != 0 => call.fs.inode(id).size(),
            (None, _) => descriptor.position,
        };
        let now = call.host.realtime();
        let mut total: u32 = 0;
        for index in 0..count {
            let (at, len) = memory::iovec(call.mem, iovs, index)?;
            let data = memory::bytes(call.mem, at, len.min(u32::MAX - total))?;
            if data.is_empty() {
                continue;
            }
            let Some(id) = id else {
                call.host.write(stream, data);
                total += data.len() as u32;
                continue;
            };
            let result = start
                .checked_add(u64::from(total))
                .ok_or(Errno::Fbig)
                .and_then(|at| call.fs.write_at(id, at, data, now));
            match result {
                Ok(written) => {
                    total += written as u32; // at most len, a u32
                    if written < data.len() {
                        break;
                    }
                }
                // What is written is written; the next call gives the error.
                Err(_) if total > 0 => break,
                Err(errno) => return Err(errno),
            }
        }
        if offset.is_none() && id.is_some() {
            descriptor.position = start.saturating_add(u64::from(total));
        }
        memory::write_u32(call.mem, nwritten, total)
    }

    fn seek<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        offset: i64,
        whence: u32,
        position: u32,
    ) -> Answer<()> {
        let descriptor = self.fds.get_mut(fd)?;
        let id: Id = descriptor.node(Errno::Spipe)?;
        let Node::File(content) = &call.fs.inode(id).node else {
            return Err(Errno::Isdir);
        };
        // To ask where one is, the right to tell is enough; and who may seek may tell.
        if whence != 1 || offset != 0 || descriptor.rights & rights::FD_TELL == 0 {
            descriptor.require(rights::FD_SEEK)?;
        }
        let from = match whence {
            0 => 0,
            1 => descriptor.position,
            2 => content.len(),
            _ => return Err(Errno::Inval),
        };
        let to = from.checked_add_signed(offset).ok_or(Errno::Inval)?;
        if i64::try_from(to).is_err() {
            return Err(Errno::Overflow);
        }
        memory::write_u64(call.mem, position, to)?;
        descriptor.position = to;
        Ok(())
    }
}
