//! Names: making, linking, renaming and removing them in the writable zones.

use alloc::string::String;
use alloc::sync::Arc;

use super::FileSystem;
use super::content::Content;
use super::directory::{Directory, Entry};
use super::inode::{Id, Node};
use super::path::Found;
use super::quota::QuotaHit;
use crate::errno::{Answer, Errno};
use crate::limits::{MAX_DEPTH, MAX_NAME, MAX_TREE_PATH, WHITEOUT};

impl FileSystem {
    /// Makes an empty file.
    pub(crate) fn create_file(&mut self, dir: Id, name: &str, now: u64) -> Answer<Id> {
        self.check_new(dir, name, 0, name.len())?;
        self.check_files(self.inode(dir).zone)?;
        self.create(dir, name, Node::File(Content::empty()), now)
    }

    pub(crate) fn create_directory(&mut self, dir: Id, name: &str, now: u64) -> Answer<Id> {
        self.check_new(dir, name, 1, name.len())?;
        self.check_files(self.inode(dir).zone)?;
        let name = Arc::from(name);
        let node = Node::Directory(Directory::new(dir, Arc::clone(&name)));
        self.create(dir, &name, node, now)
    }

    pub(crate) fn create_symlink(
        &mut self,
        dir: Id,
        name: &str,
        target: &str,
        now: u64,
    ) -> Answer<Id> {
        self.check_new(dir, name, 0, name.len())?;
        if target.len() > MAX_TREE_PATH {
            return Err(Errno::Nametoolong);
        }
        let zone = self.inode(dir).zone;
        self.check_files(zone)?;
        if self.room(zone) < target.len() as u64 {
            return Err(self.no_space(zone));
        }
        self.usage.add_bytes(zone, target.len() as u64);
        self.create(dir, name, Node::Symlink(String::from(target)), now)
    }

    /// Gives a file or symlink another name.
    pub(crate) fn link(&mut self, id: Id, dir: Id, name: &str, now: u64) -> Answer<()> {
        if self.is_directory(id) {
            return Err(Errno::Perm);
        }
        if self.inode(id).zone != self.inode(dir).zone {
            return Err(Errno::Xdev);
        }
        self.check_new(dir, name, 0, name.len())?;
        self.check_files(self.inode(dir).zone)?;
        // All its names are exported together then, so that they stay one file.
        self.inodes.get_mut(id).changed = true;
        self.insert(dir, Arc::from(name), id, false, now)
    }

    /// Removes a name of what is no directory.
    pub(crate) fn unlink(&mut self, dir: Id, name: &str, now: u64) -> Answer<()> {
        let entry = self.directory(dir)?.get(name).ok_or(Errno::Noent)?;
        if self.is_directory(entry.id) {
            return Err(Errno::Isdir);
        }
        self.check_writable(dir)?;
        self.remove(dir, name, entry, now)
    }

    pub(crate) fn remove_directory(&mut self, dir: Id, name: &str, now: u64) -> Answer<()> {
        let entry = self.directory(dir)?.get(name).ok_or(Errno::Noent)?;
        let directory = self.directory(entry.id)?;
        if directory.mount_point {
            return Err(Errno::Busy);
        }
        self.check_writable(dir)?;
        if !directory.is_empty() {
            return Err(Errno::Notempty);
        }
        self.remove(dir, name, entry, now)
    }

    /// Renames as rename(2): over a file, or a directory over an empty one.
    pub(crate) fn rename(&mut self, from: &Found, to: &Found, now: u64) -> Answer<()> {
        let id = from.existing(self)?;
        let (old, new) = (from.name(Errno::Inval)?, to.name(Errno::Inval)?);
        let entry = self.directory(from.dir)?.get(old).ok_or(Errno::Noent)?;
        let is_directory = self.is_directory(id);
        if to.slash && !is_directory {
            return Err(Errno::Notdir);
        }
        let zone = self.inode(id).zone;
        let crossing = zone != self.inode(from.dir).zone
            || self.directory(id).is_ok_and(|dir| dir.mount_point);
        if crossing {
            return Err(Errno::Busy);
        }
        if zone != self.inode(to.dir).zone {
            return Err(Errno::Xdev);
        }
        self.check_writable(from.dir)?;
        if is_directory && self.is_inside(to.dir, id) {
            return Err(Errno::Inval);
        }
        if let Some(target) = to.id {
            if target == id {
                return Ok(());
            }
            match (is_directory, self.directory(target)) {
                (true, Err(_)) => return Err(Errno::Notdir),
                (false, Ok(_)) => return Err(Errno::Isdir),
                (true, Ok(directory)) if directory.mount_point => return Err(Errno::Busy),
                (true, Ok(directory)) if !directory.is_empty() => return Err(Errno::Notempty),
                _ => {}
            }
        }
        let (depth, length) = self.extent(id);
        let levels = if is_directory { depth + 1 } else { 0 };
        self.check_place(to.dir, new, levels, new.len() + length)?;
        let (old, new): (Arc<str>, Arc<str>) = (Arc::from(old), Arc::from(new));
        if let Some(replaced) = self.directory(to.dir)?.get(&new) {
            self.remove(to.dir, &new, replaced, now)?;
        }
        // Two names for a moment, so that the removal of the old one does not free it.
        self.insert(to.dir, Arc::clone(&new), id, false, now)?;
        self.remove(from.dir, &old, entry, now)?;
        self.inodes.get_mut(id).changed |= !is_directory;
        if let Ok(directory) = self.directory_mut(id) {
            directory.parent = to.dir;
            directory.name = new;
        }
        Ok(())
    }

    /// Adds a name that is free.
    pub(super) fn insert(
        &mut self,
        dir: Id,
        name: Arc<str>,
        id: Id,
        base: bool,
        now: u64,
    ) -> Answer<()> {
        self.attach(dir, name, id, base)?;
        self.inodes.get_mut(id).ctim = now;
        self.touch(dir, now);
        Ok(())
    }

    /// Takes a name away, and notes it if it came from the mounted tar.
    pub(super) fn remove(&mut self, dir: Id, name: &str, entry: Entry, now: u64) -> Answer<()> {
        if entry.base {
            let was_directory = self.is_directory(entry.id);
            self.directory_mut(dir)?
                .removed
                .insert(Arc::from(name), was_directory);
        }
        self.inodes.get_mut(entry.id).ctim = now;
        self.detach(dir, name, entry.id)?;
        self.touch(dir, now);
        Ok(())
    }

    /// Adds a name and keeps the accounts.
    pub(super) fn attach(&mut self, dir: Id, name: Arc<str>, id: Id, base: bool) -> Answer<()> {
        let cookie = self.next_cookie;
        self.next_cookie += 1;
        self.directory_mut(dir)?.insert(name, id, cookie, base);
        let inode = self.inodes.get_mut(id);
        inode.nlink += 1;
        let zone = inode.zone;
        self.usage.add_file(zone);
        Ok(())
    }

    /// Takes a name away, keeps the accounts, frees what nothing holds any more.
    pub(super) fn detach(&mut self, dir: Id, name: &str, id: Id) -> Answer<()> {
        self.directory_mut(dir)?.remove(name);
        let inode = self.inodes.get_mut(id);
        inode.nlink = inode.nlink.saturating_sub(1);
        let zone = inode.zone;
        self.usage.sub_file(zone);
        self.free_if_unused(id);
        Ok(())
    }

    fn create(&mut self, dir: Id, name: &str, node: Node, now: u64) -> Answer<Id> {
        let id = self.inodes.add(self.inode(dir).zone, node, now);
        self.inodes.get_mut(id).changed = true;
        self.insert(dir, Arc::from(name), id, false, now)?;
        Ok(id)
    }

    fn touch(&mut self, dir: Id, now: u64) {
        let inode = self.inodes.get_mut(dir);
        inode.mtim = now;
        inode.ctim = now;
        self.version += 1;
    }

    /// Whether a new name may be made; `levels` directories and `length` bytes come with it.
    fn check_new(&mut self, dir: Id, name: &str, levels: usize, length: usize) -> Answer<()> {
        if self.directory(dir)?.get(name).is_some() {
            return Err(Errno::Exist);
        }
        self.check_place(dir, name, levels, length)
    }

    fn check_place(&mut self, dir: Id, name: &str, levels: usize, length: usize) -> Answer<()> {
        self.check_writable(dir)?;
        if self.inode(dir).nlink == 0 {
            return Err(Errno::Noent); // a removed directory that is still open
        }
        if self.inode(dir).zone.is_kept() {
            // Such a name would be a deletion in the exported tar.
            if name.starts_with(WHITEOUT) {
                return Err(Errno::Acces);
            }
            if name.len() + WHITEOUT.len() > MAX_NAME {
                return Err(Errno::Nametoolong);
            }
        }
        let (depth, above) = self.place(dir);
        if depth + levels > MAX_DEPTH {
            self.note(QuotaHit::Depth);
            return Err(Errno::Nametoolong);
        }
        if above + length > MAX_TREE_PATH {
            self.note(QuotaHit::PathLength);
            return Err(Errno::Nametoolong);
        }
        Ok(())
    }

    /// How many directories are above what `dir` holds, and the bytes of their path with its slash.
    pub(super) fn place(&self, mut dir: Id) -> (usize, usize) {
        let (mut depth, mut length) = (0, 0);
        while dir != self.root && depth <= MAX_DEPTH {
            let Ok(directory) = self.directory(dir) else {
                break;
            };
            depth += 1;
            length += directory.name.len() + 1;
            dir = directory.parent;
        }
        (depth, length)
    }

    /// How deep a tree is below `id`, and its longest path (with the leading slash).
    fn extent(&self, id: Id) -> (usize, usize) {
        let Ok(directory) = self.directory(id) else {
            return (0, 0);
        };
        let (mut deepest, mut longest) = (0, 0);
        for (name, entry) in directory.after(None) {
            let (depth, length) = self.extent(entry.id);
            deepest = deepest.max(depth + usize::from(self.is_directory(entry.id)));
            longest = longest.max(length + name.len() + 1);
        }
        (deepest, longest)
    }

    /// Whether `dir` is `ancestor` or below it.
    fn is_inside(&self, mut dir: Id, ancestor: Id) -> bool {
        while dir != ancestor {
            match self.directory(dir) {
                Ok(directory) if dir != self.root => dir = directory.parent,
                _ => return false,
            }
        }
        true
    }
}
