//! The file-system commands that concern one file. Their paths are absolute and literal.

use alloc::format;
use alloc::sync::Arc;

use super::content::Content;
use super::inode::{Id, Node, Zone};
use super::{FileSystem, FsError};
use crate::limits::{MAX_NAME, MAX_TREE_PATH};

impl FileSystem {
    /// CMD_PUT_FILE: makes `path` a file with these bytes, not copied; parents are made. A file that is
    /// there (also a deferred one) keeps its inode. What was put is not exported until it changes.
    ///
    /// # Errors
    /// The path is a directory, or leads through something that is none.
    pub fn put_file(&mut self, path: &str, data: &'static [u8], now: u64) -> Result<(), FsError> {
        let id = self.place_file(path, now)?;
        let zone = self.inode(id).zone;
        let old = self.inode(id).size();
        self.usage.sub_bytes(zone, old);
        self.usage.add_bytes(zone, data.len() as u64);
        let inode = self.inodes.get_mut(id);
        inode.node = Node::File(Content::Shared(data));
        inode.deferred = false;
        inode.changed = false;
        inode.mtim = now;
        inode.ctim = now;
        self.version += 1;
        Ok(())
    }

    /// CMD_DEFER: an empty file whose first open asks the host.
    ///
    /// # Errors
    /// As `put_file`.
    pub fn defer(&mut self, path: &str, now: u64) -> Result<(), FsError> {
        self.put_file(path, &[], now)?;
        let id = self.find(path)?;
        self.inodes.get_mut(id).deferred = true;
        Ok(())
    }

    /// CMD_READ_FILE: the file's size and at most `max` bytes from `offset`; symlinks are followed.
    ///
    /// # Errors
    /// It is no file.
    pub fn read_file(&self, path: &str, offset: u64, max: usize) -> Result<(u64, &[u8]), FsError> {
        let id = self.find(path)?;
        let Node::File(content) = &self.inode(id).node else {
            return Err(FsError(format!("{path:?} is a directory")));
        };
        let bytes = content.bytes();
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| bytes.get(at..))
            .unwrap_or(&[]);
        Ok((content.len(), &rest[..rest.len().min(max)]))
    }

    /// Whether the inode still waits for its first open.
    pub(crate) fn is_deferred(&self, id: Id) -> bool {
        self.inode(id).deferred
    }

    /// The host was asked.
    pub(crate) fn end_deferral(&mut self, id: Id) {
        self.inodes.get_mut(id).deferred = false;
    }

    pub(crate) fn find(&self, path: &str) -> Result<Id, FsError> {
        let inside = path.trim_start_matches('/');
        if inside.is_empty() {
            return Ok(self.root);
        }
        let found = self.resolve(self.root, inside, true);
        found
            .and_then(|found| found.existing(self))
            .map_err(|errno| {
                FsError(format!(
                    "{path:?} cannot be reached in the guest: {errno:?}"
                ))
            })
    }

    /// The file at `path`, made if it is missing.
    fn place_file(&mut self, path: &str, now: u64) -> Result<Id, FsError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let long = name.len() > MAX_NAME || path.len() > MAX_TREE_PATH;
        if matches!(name, "" | "." | "..") || long || name.contains('\0') {
            return Err(FsError(format!("{path:?} names no file, or is too long")));
        }
        let dir = self.make_directories(parent, now)?;
        let wrong = |errno| FsError(format!("{path:?} cannot be made: {errno:?}"));
        if let Some(entry) = self.directory(dir).map_err(wrong)?.get(name) {
            match self.inode(entry.id).node {
                Node::File(_) => return Ok(entry.id),
                Node::Directory(_) => return Err(FsError(format!("{path:?} is a directory"))),
                Node::Symlink(_) => self.remove(dir, name, entry, now).map_err(wrong)?,
            }
        }
        let zone: Zone = self.inode(dir).zone;
        let id = self.inodes.add(zone, Node::File(Content::empty()), now);
        self.insert(dir, Arc::from(name), id, true, now)
            .map_err(wrong)?;
        Ok(id)
    }
}
