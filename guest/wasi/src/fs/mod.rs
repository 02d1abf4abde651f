//! The file system: one tree of inodes, into which tar layers, `/home` and `/tmp` are mounted.
//!
//! Zones (`inode.rs`) say what may be written; a mount only changes the tree, nothing is looked up in
//! several layers later. File contents stay in the mapped tars until they are written.

mod commands;
mod content;
mod directory;
mod entries;
mod export;
mod files;
pub(crate) mod inode;
#[cfg(any(test, feature = "fuzz"))]
mod invariants;
mod layer;
mod mount;
pub(crate) mod path;
mod quota;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use directory::{Directory, FIRST_COOKIE};
use export::Export;
use inode::{Id, Inode, Inodes, Node, Zone};
use quota::Usage;

use crate::errno::{Answer, Errno};
pub use mount::Mode;
pub use quota::{Quota, QuotaHit};

/// Why a file-system command was refused; `Display` says it for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsError(pub(crate) String);

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for FsError {}

/// The files that a VM's programs see.
pub struct FileSystem {
    inodes: Inodes,
    root: Id,
    /// Where `Mode::Home` is mounted.
    home: Option<Id>,
    /// The mounts that can be exported, by the paths they were mounted at.
    kept: BTreeMap<String, Id>,
    quota: Quota,
    usage: Usage,
    hit: Option<QuotaHit>,
    next_cookie: u64,
    /// Grows with every change, so that an export in pieces knows that it is of one state.
    version: u64,
    export: Option<Export>,
}

impl FileSystem {
    /// An empty, read-only root. `now`: nanoseconds since 1970.
    #[must_use]
    pub fn new(now: u64) -> Self {
        let mut inodes = Inodes::new();
        let root = inodes.add(Zone::Layer, Node::File(content::Content::empty()), now);
        let inode = inodes.get_mut(root);
        inode.node = Node::Directory(Directory::new(root, Arc::from("")));
        inode.nlink = 1;
        FileSystem {
            inodes,
            root,
            home: None,
            kept: BTreeMap::new(),
            quota: Quota::default(),
            usage: Usage::default(),
            hit: None,
            next_cookie: FIRST_COOKIE,
            version: 0,
            export: None,
        }
    }

    pub(crate) fn inode(&self, id: Id) -> &Inode {
        self.inodes.get(id)
    }

    pub(crate) fn directory(&self, id: Id) -> Answer<&Directory> {
        match &self.inodes.get(id).node {
            Node::Directory(directory) => Ok(directory),
            _ => Err(Errno::Notdir),
        }
    }

    pub(crate) fn is_directory(&self, id: Id) -> bool {
        matches!(self.inodes.get(id).node, Node::Directory(_))
    }

    fn directory_mut(&mut self, id: Id) -> Answer<&mut Directory> {
        match &mut self.inodes.get_mut(id).node {
            Node::Directory(directory) => Ok(directory),
            _ => Err(Errno::Notdir),
        }
    }

    /// Refuses what lies in a read-only layer.
    pub(crate) fn check_writable(&self, id: Id) -> Answer<()> {
        match self.inodes.get(id).zone {
            Zone::Layer => Err(Errno::Rofs),
            Zone::Home | Zone::Writable | Zone::Tmp => Ok(()),
        }
    }

    /// A descriptor holds the inode from now on.
    pub(crate) fn hold(&mut self, id: Id) {
        self.inodes.get_mut(id).opens += 1;
    }

    /// A descriptor is closed; the last one frees an inode without names.
    pub(crate) fn release(&mut self, id: Id) {
        let inode = self.inodes.get_mut(id);
        inode.opens = inode.opens.saturating_sub(1);
        self.free_if_unused(id);
    }

    fn free_if_unused(&mut self, id: Id) {
        let inode = self.inodes.get(id);
        if inode.nlink == 0 && inode.opens == 0 {
            self.usage.sub_bytes(inode.zone, inode.size());
            self.inodes.remove(id);
        }
    }
}
