//! A program's descriptors.

use alloc::string::String;
use alloc::vec::Vec;

use crate::errno::{Answer, Errno};
use crate::fs::inode::Id;
use crate::limits::MAX_FDS;

/// What a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Stdin,
    /// `STDOUT` or `STDERR`.
    Output(u32),
    /// A file or directory.
    Node(Id),
}

/// An open file, directory or stream.
pub struct Descriptor {
    pub target: Target,
    pub rights: u64,
    pub inheriting: u64,
    pub flags: u16,
    pub position: u64,
    /// The name under which a directory was given to the program.
    pub preopen: Option<String>,
}

impl Descriptor {
    /// Refuses with NOTCAPABLE unless it has all of these rights.
    pub fn require(&self, rights: u64) -> Answer<()> {
        if self.rights & rights == rights {
            Ok(())
        } else {
            Err(Errno::Notcapable)
        }
    }

    /// The inode behind it; `stream` for what is none.
    pub fn node(&self, stream: Errno) -> Answer<Id> {
        match self.target {
            Target::Node(id) => Ok(id),
            Target::Stdin | Target::Output(_) => Err(stream),
        }
    }
}

/// All descriptors, by number.
#[derive(Default)]
pub struct FdTable {
    slots: Vec<Option<Descriptor>>,
}

impl FdTable {
    pub fn get(&self, fd: u32) -> Answer<&Descriptor> {
        self.slots
            .get(fd as usize)
            .and_then(Option::as_ref)
            .ok_or(Errno::Badf)
    }

    pub fn get_mut(&mut self, fd: u32) -> Answer<&mut Descriptor> {
        self.slots
            .get_mut(fd as usize)
            .and_then(Option::as_mut)
            .ok_or(Errno::Badf)
    }

    /// Whether one more can be opened.
    pub fn has_room(&self) -> bool {
        self.slots.len() < MAX_FDS || self.slots.iter().any(Option::is_none)
    }

    /// Takes the lowest free number.
    pub fn add(&mut self, descriptor: Descriptor) -> Answer<u32> {
        let free = self.slots.iter().position(Option::is_none);
        let fd = free.unwrap_or(self.slots.len());
        if fd >= MAX_FDS {
            return Err(Errno::Mfile);
        }
        if fd == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[fd] = Some(descriptor);
        Ok(fd as u32)
    }

    pub fn remove(&mut self, fd: u32) -> Answer<Descriptor> {
        self.slots
            .get_mut(fd as usize)
            .and_then(Option::take)
            .ok_or(Errno::Badf)
    }

    /// Moves one descriptor onto another; gives back the one that was there.
    pub fn renumber(&mut self, from: u32, to: u32) -> Answer<Option<Descriptor>> {
        self.get(from)?;
        self.get(to)?;
        if from == to {
            return Ok(None);
        }
        let moved = self.remove(from)?;
        Ok(self
            .slots
            .get_mut(to as usize)
            .ok_or(Errno::Badf)?
            .replace(moved))
    }

    /// All that are open, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Descriptor> {
        self.slots.iter().flatten()
    }

    /// Closes all of them.
    pub fn drain(&mut self) -> impl Iterator<Item = Descriptor> {
        self.slots.drain(..).flatten()
    }
}
