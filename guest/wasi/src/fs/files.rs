//! The contents and times of one inode.

use super::FileSystem;
use super::inode::{Id, Node, Zone};
use super::quota::QuotaHit;
use crate::errno::{Answer, Errno};

impl FileSystem {
    /// Reads at `offset`; 0 is the end of the file.
    pub(crate) fn read_at(&self, id: Id, offset: u64, buf: &mut [u8]) -> Answer<usize> {
        match &self.inodes.get(id).node {
            Node::File(content) => Ok(content.read(offset, buf)),
            Node::Directory(_) => Err(Errno::Isdir),
            Node::Symlink(_) => Err(Errno::Inval),
        }
    }

    /// Writes as much as the quota allows, at least a byte, else NOSPC. Returns the count.
    pub(crate) fn write_at(&mut self, id: Id, offset: u64, data: &[u8], now: u64) -> Answer<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let (zone, size) = self.file(id)?;
        let most = size.saturating_add(self.room(zone));
        if offset >= most {
            return Err(self.no_space(zone));
        }
        let count = usize::try_from(most - offset).map_or(data.len(), |room| room.min(data.len()));
        let at = usize::try_from(offset).map_err(|_| Errno::Fbig)?;
        if count < data.len() {
            self.no_space(zone);
        }
        let end = offset + count as u64;
        self.change(id, size, size.max(end), now, |content| {
            content.write(at, &data[..count])
        })?;
        Ok(count)
    }

    /// Cuts or fills with zeros.
    pub(crate) fn set_size(&mut self, id: Id, len: u64, now: u64) -> Answer<()> {
        let (zone, size) = self.file(id)?;
        if len > size && len - size > self.room(zone) {
            return Err(self.no_space(zone));
        }
        let wanted = usize::try_from(len).map_err(|_| Errno::Fbig)?;
        self.change(id, size, len, now, |content| content.set_len(wanted))
    }

    /// Sets those times that are given.
    pub(crate) fn set_times(
        &mut self,
        id: Id,
        atim: Option<u64>,
        mtim: Option<u64>,
        now: u64,
    ) -> Answer<()> {
        self.check_writable(id)?;
        let inode = self.inodes.get_mut(id);
        inode.atim = atim.unwrap_or(inode.atim);
        inode.mtim = mtim.unwrap_or(inode.mtim);
        inode.ctim = now;
        inode.changed = true;
        self.version += 1;
        Ok(())
    }

    /// The zone and size of a file that may be written.
    fn file(&self, id: Id) -> Answer<(Zone, u64)> {
        self.check_writable(id)?;
        let inode = self.inodes.get(id);
        match &inode.node {
            Node::File(content) => Ok((inode.zone, content.len())),
            Node::Directory(_) => Err(Errno::Isdir),
            Node::Symlink(_) => Err(Errno::Inval),
        }
    }

    /// Does something to a file's bytes and keeps the account of it.
    fn change(
        &mut self,
        id: Id,
        old: u64,
        new: u64,
        now: u64,
        action: impl FnOnce(&mut super::content::Content) -> Answer<()>,
    ) -> Answer<()> {
        let inode = self.inodes.get_mut(id);
        let Node::File(content) = &mut inode.node else {
            return Err(Errno::Isdir);
        };
        if let Err(errno) = action(content) {
            if errno == Errno::Nospc {
                self.note(QuotaHit::Memory);
            }
            return Err(errno);
        }
        inode.mtim = now;
        inode.ctim = now;
        inode.changed = true;
        let zone = inode.zone;
        self.usage.sub_bytes(zone, old);
        self.usage.add_bytes(zone, new);
        self.version += 1;
        Ok(())
    }
}
