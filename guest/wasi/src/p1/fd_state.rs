//! The state of descriptors: closing, renumbering, flags, rights, preopens.

use crate::errno::{Answer, Errno, answer};
use crate::fd_table::Target;
use crate::host::{Call, Host};
use crate::memory;
use crate::types::{FileStat, FileType, fdflags, rights};
use crate::wasi::Wasi;

impl Wasi {
    pub fn fd_close<H: Host>(&mut self, call: &mut Call<'_, H>, fd: u32) -> Errno {
        answer(self.fds.remove(fd).map(|descriptor| {
            if let Target::Node(id) = descriptor.target {
                call.fs.release(id);
            }
        }))
    }

    pub fn fd_renumber<H: Host>(&mut self, call: &mut Call<'_, H>, from: u32, to: u32) -> Errno {
        answer(self.fds.renumber(from, to).map(|replaced| {
            if let Some(Target::Node(id)) = replaced.map(|descriptor| descriptor.target) {
                call.fs.release(id);
            }
        }))
    }

    pub fn fd_fdstat_get<H: Host>(&mut self, call: &mut Call<'_, H>, fd: u32, stat: u32) -> Errno {
        answer(self.fdstat(call, fd, stat))
    }

    pub fn fd_fdstat_set_flags<H: Host>(
        &mut self,
        _: &mut Call<'_, H>,
        fd: u32,
        flags: u32,
    ) -> Errno {
        answer(self.set_flags(fd, flags))
    }

    /// Rights can only be given up.
    pub fn fd_fdstat_set_rights<H: Host>(
        &mut self,
        _: &mut Call<'_, H>,
        fd: u32,
        base: u64,
        inheriting: u64,
    ) -> Errno {
        answer(self.fds.get_mut(fd).and_then(|descriptor| {
            if base & !descriptor.rights != 0 || inheriting & !descriptor.inheriting != 0 {
                return Err(Errno::Notcapable);
            }
            descriptor.rights = base;
            descriptor.inheriting = inheriting;
            Ok(())
        }))
    }

    pub fn fd_filestat_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        stat: u32,
    ) -> Errno {
        answer(self.filestat(call, fd, stat))
    }

    pub fn fd_prestat_get<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        prestat: u32,
    ) -> Errno {
        answer(self.preopen_name(fd).and_then(|name| {
            let mut out = [0; 8]; // tag 0: a directory
            out[4..].copy_from_slice(&(name.len() as u32).to_le_bytes());
            memory::write(call.mem, prestat, &out)
        }))
    }

    pub fn fd_prestat_dir_name<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: u32,
        path_len: u32,
    ) -> Errno {
        answer(self.preopen_name(fd).and_then(|name| {
            if name.len() > path_len as usize {
                return Err(Errno::Nametoolong);
            }
            memory::write(call.mem, path, name.as_bytes())
        }))
    }

    /// BADF ends a program's search for its preopens.
    fn preopen_name(&self, fd: u32) -> Answer<&str> {
        self.fds.get(fd)?.preopen.as_deref().ok_or(Errno::Badf)
    }

    pub(super) fn stream_type(&self, target: Target) -> FileType {
        match target {
            Target::Stdin if !self.stdin => FileType::Unknown,
            _ => FileType::CharacterDevice,
        }
    }

    fn fdstat<H: Host>(&self, call: &mut Call<'_, H>, fd: u32, stat: u32) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        let filetype = match descriptor.target {
            Target::Node(id) => call.fs.inode(id).file_type(),
            stream => self.stream_type(stream),
        };
        let mut out = [0; 24];
        out[0] = filetype as u8;
        out[2..4].copy_from_slice(&descriptor.flags.to_le_bytes());
        out[8..16].copy_from_slice(&descriptor.rights.to_le_bytes());
        out[16..24].copy_from_slice(&descriptor.inheriting.to_le_bytes());
        memory::write(call.mem, stat, &out)
    }

    fn set_flags(&mut self, fd: u32, flags: u32) -> Answer<()> {
        let descriptor = self.fds.get_mut(fd)?;
        if flags & !fdflags::ALL != 0 {
            return Err(Errno::Inval);
        }
        descriptor.require(rights::FD_FDSTAT_SET_FLAGS)?;
        descriptor.flags = flags as u16; // five bits, checked
        Ok(())
    }

    fn filestat<H: Host>(&self, call: &mut Call<'_, H>, fd: u32, stat: u32) -> Answer<()> {
        let descriptor = self.fds.get(fd)?;
        descriptor.require(rights::FD_FILESTAT_GET)?;
        let found = match descriptor.target {
            Target::Node(id) => call.fs.inode(id).stat(),
            stream => FileStat {
                dev: 0,
                ino: 0,
                filetype: self.stream_type(stream),
                nlink: 1,
                size: 0,
                atim: 0,
                mtim: 0,
                ctim: 0,
            },
        };
        memory::write(call.mem, stat, &found.encode())
    }
}
