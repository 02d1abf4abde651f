//! Streams: each a descriptor of its own, with its own position.

use alloc::vec::Vec;

use crate::errno::{Answer, Errno};
use crate::fd_table::{Descriptor, Target};
use crate::fs::QuotaHit;
use crate::host::{Call, Host};
use crate::types::{fdflags, rights};
use crate::wasi::Wasi;

/// The most bytes that one call reads, whatever it asks for.
pub const MAX_READ: u64 = 0x1_0000;

/// A buffer to read into: so many bytes, at most `MAX_READ`.
pub(super) fn zeros(len: u64) -> Answer<Vec<u8>> {
    let len = len.min(MAX_READ) as usize;
    let mut data = Vec::new();
    data.try_reserve_exact(len).map_err(|_| Errno::Nomem)?;
    data.resize(len, 0);
    Ok(data)
}

impl Wasi {
    /// A new stream over standard input.
    ///
    /// # Errors
    /// Too many descriptors.
    pub fn stdin_stream<H: Host>(&mut self, call: &mut Call<'_, H>) -> Answer<u32> {
        self.add_stream(call, Target::Stdin, rights::FD_READ, 0, 0)
    }

    /// A new stream over `STDOUT` or `STDERR`.
    ///
    /// # Errors
    /// Too many descriptors.
    pub fn output_stream<H: Host>(&mut self, call: &mut Call<'_, H>, stream: u32) -> Answer<u32> {
        self.add_stream(call, Target::Output(stream), rights::FD_WRITE, 0, 0)
    }

    /// A stream that reads a file from `offset` on.
    ///
    /// # Errors
    /// It is no file that may be read, or too many descriptors.
    pub fn read_via_stream<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        offset: u64,
    ) -> Answer<u32> {
        let target = self.file(call, fd, rights::FD_READ)?;
        self.add_stream(call, target, rights::FD_READ, 0, offset)
    }

    /// A stream that writes a file from `offset` on, or always at its end.
    ///
    /// # Errors
    /// It is no file that may be written, or too many descriptors.
    pub fn write_via_stream<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        offset: Option<u64>,
    ) -> Answer<u32> {
        let target = self.file(call, fd, rights::FD_WRITE)?;
        let flags = if offset.is_none() { fdflags::APPEND } else { 0 };
        let position = offset.unwrap_or(0);
        self.add_stream(call, target, rights::FD_WRITE, flags, position)
    }

    /// The next bytes, at most `MAX_READ`; none at the end. Waits for standard input.
    ///
    /// # Errors
    /// It is no stream to read.
    pub fn stream_read<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        len: u64,
    ) -> Answer<Vec<u8>> {
        let descriptor = self.fds.get_mut(fd)?;
        descriptor
            .require(rights::FD_READ)
            .map_err(|_| Errno::Badf)?;
        let mut data = zeros(len)?;
        let count = match descriptor.target {
            Target::Node(id) => call.fs.read_at(id, descriptor.position, &mut data)?,
            Target::Stdin if self.stdin && !data.is_empty() => call.host.read_stdin(&mut data),
            Target::Stdin => 0,
            Target::Output(_) => return Err(Errno::Badf),
        };
        data.truncate(count);
        descriptor.position = descriptor.position.saturating_add(count as u64);
        Ok(data)
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// It is no stream to write, or a quota ended it; what was written until then stays.
    pub fn stream_write<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        mut data: &[u8],
    ) -> Answer<()> {
        let descriptor = self.fds.get_mut(fd)?;
        descriptor
            .require(rights::FD_WRITE)
            .map_err(|_| Errno::Badf)?;
        let id = match descriptor.target {
            Target::Node(id) => id,
            Target::Output(stream) => {
                call.host.write(stream, data);
                return Ok(());
            }
            Target::Stdin => return Err(Errno::Badf),
        };
        if descriptor.flags & fdflags::APPEND != 0 {
            descriptor.position = call.fs.inode(id).size();
        }
        let now = call.host.realtime();
        while !data.is_empty() {
            let count = call.fs.write_at(id, descriptor.position, data, now)?;
            descriptor.position = descriptor.position.saturating_add(count as u64);
            data = data.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// The file behind a descriptor with that right.
    fn file<H: Host>(&self, call: &Call<'_, H>, fd: u32, right: u64) -> Answer<Target> {
        let descriptor = self.fds.get(fd)?;
        let id = descriptor.node(Errno::Badf)?;
        if call.fs.is_directory(id) {
            return Err(Errno::Isdir);
        }
        descriptor.require(right).map_err(|_| Errno::Badf)?;
        Ok(descriptor.target)
    }

    pub(super) fn add_stream<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        target: Target,
        rights: u64,
        flags: u16,
        position: u64,
    ) -> Answer<u32> {
        let descriptor = Descriptor {
            target,
            rights,
            inheriting: 0,
            flags,
            position,
            preopen: None,
        };
        self.add_held(call, descriptor)
    }

    /// Adds a descriptor; if it is of a file, it holds that.
    pub(super) fn add_held<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        descriptor: Descriptor,
    ) -> Answer<u32> {
        let target = descriptor.target;
        let fd = self
            .fds
            .add(descriptor)
            .inspect_err(|_| call.fs.note(QuotaHit::OpenFiles))?;
        if let Target::Node(id) = target {
            call.fs.hold(id);
        }
        Ok(fd)
    }
}
