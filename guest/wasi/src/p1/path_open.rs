//! Opening files and directories.

use crate::errno::{Answer, Errno, answer};
use crate::fd_table::{Descriptor, Target};
use crate::fs::QuotaHit;
use crate::fs::inode::{Id, Node};
use crate::host::{Call, Host};
use crate::memory;
use crate::types::{SYMLINK_FOLLOW, fdflags, oflags, rights};
use crate::wasi::Wasi;

/// The arguments that say how to open.
pub(crate) struct How {
    pub follow: bool,
    pub oflags: u32,
    pub base: u64,
    pub inheriting: u64,
    pub flags: u16,
}

impl How {
    fn has(&self, oflag: u32) -> bool {
        self.oflags & oflag != 0
    }
}

impl Wasi {
    #[allow(clippy::too_many_arguments)]
    pub fn path_open<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        lookup: u32,
        path: u32,
        path_len: u32,
        oflags: u32,
        base: u64,
        inheriting: u64,
        flags: u32,
        opened: u32,
    ) -> Errno {
        if lookup & !SYMLINK_FOLLOW != 0 || oflags & !oflags::ALL != 0 || flags & !fdflags::ALL != 0
        {
            return Errno::Inval;
        }
        let how = How {
            follow: lookup != 0,
            oflags,
            base,
            inheriting,
            flags: flags as u16,
        };
        answer(memory::path(call.mem, path, path_len).and_then(|path| {
            memory::bytes(call.mem, opened, 4)?;
            let number = self.open(call, fd, &path, &how)?;
            memory::write_u32(call.mem, opened, number)
        }))
    }

    pub(crate) fn open<H: Host>(
        &mut self,
        call: &mut Call<'_, H>,
        fd: u32,
        path: &str,
        how: &How,
    ) -> Answer<u32> {
        let mut needed = rights::PATH_OPEN;
        if how.has(oflags::CREAT) {
            needed |= rights::PATH_CREATE_FILE;
        }
        if how.has(oflags::TRUNC) {
            needed |= rights::PATH_FILESTAT_SET_SIZE;
        }
        let dir = self.base(call.fs, fd, needed)?;
        if how.has(oflags::CREAT) && how.has(oflags::DIRECTORY) {
            return Err(Errno::Inval);
        }
        if !self.fds.has_room() {
            call.fs.note(QuotaHit::OpenFiles);
            return Err(Errno::Mfile);
        }
        let inheriting = self.fds.get(fd)?.inheriting;
        let mut id = self.find_or_create(call, dir, path, how, inheriting)?;
        if call.fs.is_deferred(id) {
            // Held, so that the place of the inode is not taken by another one meanwhile.
            call.fs.hold(id);
            call.host.deferred(call.fs);
            call.fs.end_deferral(id);
            call.fs.release(id);
            id = self.find_or_create(call, dir, path, how, inheriting)?;
        }
        if how.has(oflags::TRUNC) {
            let now = call.host.realtime();
            call.fs.set_size(id, 0, now)?;
        }
        let is_directory = call.fs.is_directory(id);
        let descriptor = Descriptor {
            target: Target::Node(id),
            rights: how.base & inheriting & applicable(call, id),
            inheriting: if is_directory {
                how.inheriting & inheriting
            } else {
                0
            },
            flags: how.flags,
            position: 0,
            preopen: None,
        };
        let number = self.fds.add(descriptor)?;
        call.fs.hold(id);
        Ok(number)
    }

    /// The inode to open, after every check but the limit on descriptors.
    fn find_or_create<H: Host>(
        &self,
        call: &mut Call<'_, H>,
        dir: Id,
        path: &str,
        how: &How,
        inheriting: u64,
    ) -> Answer<Id> {
        let exclusive = how.has(oflags::CREAT) && how.has(oflags::EXCL);
        let found = call.fs.resolve(dir, path, how.follow && !exclusive)?;
        let Some(id) = found.id else {
            if !how.has(oflags::CREAT) {
                return Err(Errno::Noent);
            }
            if found.slash {
                return Err(Errno::Isdir);
            }
            if how.base & rights::FILE & !inheriting != 0 {
                return Err(Errno::Notcapable);
            }
            let now = call.host.realtime();
            return call
                .fs
                .create_file(found.dir, found.name(Errno::Exist)?, now);
        };
        if exclusive {
            return Err(Errno::Exist);
        }
        match call.fs.inode(id).node {
            Node::Symlink(_) => return Err(Errno::Loop),
            Node::Directory(_) => {
                let writing = how.base & rights::FD_WRITE != 0;
                if writing || how.has(oflags::TRUNC) || how.has(oflags::CREAT) {
                    return Err(Errno::Isdir);
                }
            }
            Node::File(_) => {
                if found.slash || how.has(oflags::DIRECTORY) {
                    return Err(Errno::Notdir);
                }
                if how.base & rights::FD_WRITE != 0 || how.has(oflags::TRUNC) {
                    call.fs.check_writable(id)?;
                }
            }
        }
        if how.base & applicable(call, id) & !inheriting != 0 {
            return Err(Errno::Notcapable);
        }
        Ok(id)
    }
}

/// The rights that make sense for an inode.
fn applicable<H: Host>(call: &Call<'_, H>, id: Id) -> u64 {
    if call.fs.is_directory(id) {
        rights::DIRECTORY
    } else if call.fs.check_writable(id).is_err() {
        rights::FILE & !rights::WRITING
    } else {
        rights::FILE
    }
}
