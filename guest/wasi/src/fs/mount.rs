//! Mounting: layers, `/home` and `/tmp` become parts of the one tree.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::directory::{Directory, Entry};
use super::inode::{Id, Node, Zone};
use super::{FileSystem, FsError};
use crate::errno::Answer;
use crate::limits::{MAX_DEPTH, MAX_NAME, MAX_TREE_PATH};

/// How a tar is mounted: `MOUNT_*` of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Read-only; several on one path stack, the last on top.
    Layer,
    /// Writable; `export` tells what changed. One in a file system.
    Home,
    /// A directory of the host: writable; `export` tells what changed.
    Writable,
    /// Writable and forgotten.
    Tmp,
}

impl FileSystem {
    /// CMD_MOUNT: makes the tar's entries visible at `path`; an empty slice is an empty tar. The
    /// directories on the way are made.
    ///
    /// All but layers begin anew at `path`: what was there is gone, but for deferred files and
    /// further mounts. Descriptors of the directory, and inode numbers of it and of deferred files, stay
    /// valid.
    ///
    /// # Errors
    /// The tar is damaged or hostile, or the path does not allow it. Part of it may be mounted then: use
    /// this file system no further.
    pub fn mount(
        &mut self,
        path: &str,
        tar: &'static [u8],
        mode: Mode,
        now: u64,
    ) -> Result<(), FsError> {
        let dir = self.make_directories(path, now)?;
        let zone = match mode {
            Mode::Layer => Zone::Layer,
            Mode::Home => Zone::Home,
            Mode::Writable => Zone::Writable,
            Mode::Tmp => Zone::Tmp,
        };
        if mode == Mode::Home && *self.home.get_or_insert(dir) != dir {
            return Err(FsError(format!("{path:?} cannot be a second home")));
        }
        if mode != Mode::Home && self.home == Some(dir) {
            return Err(FsError(format!(
                "{path:?} is the home and cannot become anything else"
            )));
        }
        let refused = |errno| FsError(format!("{path:?} cannot be mounted on: {errno:?}"));
        if mode != Mode::Layer || self.inode(dir).zone != Zone::Layer {
            self.clear(dir, zone).map_err(refused)?;
            self.set_zone(dir, zone);
        }
        let root = self.root;
        self.directory_mut(dir).map_err(refused)?.mount_point = dir != root;
        if zone.is_kept() {
            self.kept.insert(path.into(), dir);
        }
        self.version += 1;
        self.apply_tar(dir, zone, tar, now)
            .map_err(|what| FsError(format!("{path:?}: {what}")))
    }

    /// Copies the files of the home, so that the tar which it was mounted from may go.
    ///
    /// # Errors
    /// There is not enough memory; some are copied then.
    pub fn copy_home(&mut self) -> Result<(), FsError> {
        for inode in self.inodes.all_mut() {
            if let (Zone::Home, Node::File(content)) = (inode.zone, &mut inode.node) {
                content
                    .leave_layer()
                    .map_err(|_| FsError("the home does not fit into memory".into()))?;
            }
        }
        Ok(())
    }

    /// The directory at an absolute path, made where it is missing. Symlinks are not followed.
    pub(super) fn make_directories(&mut self, path: &str, now: u64) -> Result<Id, FsError> {
        let mut dir = self.root;
        for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
            let refused =
                |why: &str| FsError(format!("{path:?} cannot be used in the guest: {why}"));
            if name == ".." || name.contains('\0') || name.len() > MAX_NAME {
                return Err(refused(
                    "it holds .., a NUL or a name of more than 255 bytes",
                ));
            }
            let (depth, length) = self.place(dir);
            if depth >= MAX_DEPTH || length + name.len() > MAX_TREE_PATH {
                return Err(refused("it is too long"));
            }
            let not_dir = |_| refused("part of it is no directory");
            dir = match self.directory(dir).map_err(not_dir)?.get(name) {
                Some(entry) => entry.id,
                None => self.add_directory(dir, name, now).map_err(not_dir)?,
            };
            self.directory(dir).map_err(not_dir)?;
        }
        Ok(dir)
    }

    /// Makes a directory that counts as mounted, not as changed.
    pub(super) fn add_directory(&mut self, dir: Id, name: &str, now: u64) -> Answer<Id> {
        let name: Arc<str> = Arc::from(name);
        let node = Node::Directory(Directory::new(dir, Arc::clone(&name)));
        let id = self.inodes.add(self.inode(dir).zone, node, now);
        self.attach(dir, name, id, true)?;
        Ok(id)
    }

    /// Empties a directory but for deferred files and mounts, which become part of `zone`.
    fn clear(&mut self, dir: Id, zone: Zone) -> Answer<()> {
        for (name, entry) in self.list(dir)? {
            if self
                .directory(entry.id)
                .is_ok_and(|child| child.mount_point)
            {
                continue;
            }
            let keep = match self.directory(entry.id) {
                Ok(_) => {
                    self.clear(entry.id, zone)?;
                    !self.directory(entry.id)?.is_empty()
                }
                Err(_) => self.inode(entry.id).deferred,
            };
            if keep {
                self.set_zone(entry.id, zone);
            } else {
                self.detach(dir, &name, entry.id)?;
            }
        }
        self.directory_mut(dir)?.removed.clear();
        Ok(())
    }

    /// Removes a tree but for the mounts in it; whether all of it is gone.
    pub(super) fn remove_tree(&mut self, dir: Id, name: &str, id: Id) -> Answer<bool> {
        if let Ok(directory) = self.directory(id) {
            if directory.mount_point {
                return Ok(false);
            }
            for (name, entry) in self.list(id)? {
                self.remove_tree(id, &name, entry.id)?;
            }
            if !self.directory(id)?.is_empty() {
                return Ok(false);
            }
        }
        self.detach(dir, name, id)?;
        Ok(true)
    }

    /// A copy of a directory's names, to change the directory while going through them.
    pub(super) fn list(&self, dir: Id) -> Answer<Vec<(Arc<str>, Entry)>> {
        let names = self.directory(dir)?.after(None);
        Ok(names
            .map(|(name, entry)| (Arc::clone(name), entry))
            .collect())
    }

    fn set_zone(&mut self, id: Id, zone: Zone) {
        let inode = self.inodes.get_mut(id);
        let (old, size, names) = (inode.zone, inode.size(), inode.nlink);
        inode.zone = zone;
        self.usage.sub_bytes(old, size);
        self.usage.add_bytes(zone, size);
        for _ in 0..names {
            self.usage.sub_file(old);
            self.usage.add_file(zone);
        }
    }
}
