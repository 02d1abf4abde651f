//! What one file, directory or symlink is, and the table of them.

use alloc::string::String;
use alloc::vec::Vec;

use super::content::Content;
use super::directory::Directory;
use crate::types::{FileStat, FileType};

/// Which rules a file lives under; also its device number, so that no rename or link crosses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Read-only.
    Layer,
    /// Writable, with a quota; what changes is exported.
    Home,
    /// A directory of the host that the owner gave: writable, with a quota; what changes is exported.
    Writable,
    /// Writable, with a quota; forgotten.
    Tmp,
}

/// An inode's place in the table. Reused when the inode is gone, unlike `Inode::ino`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(u32);

pub enum Node {
    File(Content),
    Directory(Directory),
    Symlink(String),
}

pub struct Inode {
    /// Unique for the life of the file system.
    pub ino: u64,
    pub zone: Zone,
    pub node: Node,
    /// Names of it; 0: gone from the tree, but still open.
    pub nlink: u32,
    /// Descriptors that hold it.
    pub opens: u32,
    pub atim: u64,
    pub mtim: u64,
    pub ctim: u64,
    /// Differs from what was mounted: export it.
    pub changed: bool,
    /// The first open asks the host.
    pub deferred: bool,
}

impl Zone {
    /// Whether what changes there is exported.
    pub fn is_kept(self) -> bool {
        matches!(self, Zone::Home | Zone::Writable)
    }
}

impl Inode {
    pub fn file_type(&self) -> FileType {
        match self.node {
            Node::File(_) => FileType::RegularFile,
            Node::Directory(_) => FileType::Directory,
            Node::Symlink(_) => FileType::SymbolicLink,
        }
    }

    /// Bytes, as stat gives them and as quotas count them.
    pub fn size(&self) -> u64 {
        match &self.node {
            Node::File(content) => content.len(),
            Node::Directory(_) => 0,
            Node::Symlink(target) => target.len() as u64,
        }
    }

    pub fn stat(&self) -> FileStat {
        FileStat {
            dev: self.zone as u64 + 1,
            ino: self.ino,
            filetype: self.file_type(),
            nlink: u64::from(self.nlink),
            size: self.size(),
            atim: self.atim,
            mtim: self.mtim,
            ctim: self.ctim,
        }
    }
}

/// All inodes. A free place holds an empty file, so that no lookup can fail.
pub struct Inodes {
    slots: Vec<Inode>,
    free: Vec<u32>,
    next_ino: u64,
}

impl Inodes {
    pub const fn new() -> Self {
        Inodes {
            slots: Vec::new(),
            free: Vec::new(),
            next_ino: 1,
        }
    }

    /// Adds an inode without names.
    pub fn add(&mut self, zone: Zone, node: Node, now: u64) -> Id {
        let inode = Inode {
            ino: self.next_ino,
            zone,
            node,
            nlink: 0,
            opens: 0,
            atim: now,
            mtim: now,
            ctim: now,
            changed: false,
            deferred: false,
        };
        self.next_ino += 1;
        if let Some(place) = self.free.pop() {
            self.slots[place as usize] = inode;
            return Id(place);
        }
        self.slots.push(inode);
        // Quotas and MAX_TAR_ENTRIES keep the count far below 2^32.
        Id((self.slots.len() - 1) as u32)
    }

    /// Forgets an inode that has neither names nor descriptors.
    pub fn remove(&mut self, id: Id) {
        let inode = self.get_mut(id);
        inode.node = Node::File(Content::empty());
        inode.deferred = false;
        self.free.push(id.0);
    }

    pub fn get(&self, id: Id) -> &Inode {
        &self.slots[id.0 as usize]
    }

    pub fn get_mut(&mut self, id: Id) -> &mut Inode {
        &mut self.slots[id.0 as usize]
    }

    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Inode> {
        self.slots.iter_mut()
    }

    #[cfg(any(test, feature = "fuzz"))]
    pub fn live(&self) -> impl Iterator<Item = &Inode> {
        let free = &self.free;
        self.slots
            .iter()
            .enumerate()
            .filter(|(at, _)| !free.contains(&(*at as u32)))
            .map(|(_, inode)| inode)
    }
}
