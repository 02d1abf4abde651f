//! A directory: names to inodes, twice ordered.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ops::Bound;

use super::inode::Id;

/// A name in a directory.
#[derive(Clone, Copy)]
pub struct Entry {
    pub id: Id,
    /// Its readdir cookie, from a counter of the file system: a name keeps its place whatever else
    /// changes.
    pub cookie: u64,
    /// It was there when the tar was mounted.
    pub base: bool,
}

pub struct Directory {
    /// The root is its own parent.
    pub parent: Id,
    /// Its name in the parent; "" for the root.
    pub name: Arc<str>,
    /// Names that were mounted and are gone; true: it was a directory.
    pub removed: BTreeMap<Arc<str>, bool>,
    /// Something is mounted here: it can be neither removed nor renamed.
    pub mount_point: bool,
    entries: BTreeMap<Arc<str>, Entry>,
    order: BTreeMap<u64, Arc<str>>,
}

/// The cookies 0, 1 and 2 stand before `.`, before `..` and after them; no name has one of them.
pub const FIRST_COOKIE: u64 = 3;

impl Directory {
    pub fn new(parent: Id, name: Arc<str>) -> Self {
        Directory {
            parent,
            name,
            removed: BTreeMap::new(),
            mount_point: false,
            entries: BTreeMap::new(),
            order: BTreeMap::new(),
        }
    }

    pub fn get(&self, name: &str) -> Option<Entry> {
        self.entries.get(name).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The name must be free and the cookie larger than all before.
    pub fn insert(&mut self, name: Arc<str>, id: Id, cookie: u64, base: bool) {
        self.order.insert(cookie, name.clone());
        self.entries.insert(name, Entry { id, cookie, base });
    }

    pub fn remove(&mut self, name: &str) -> Option<Entry> {
        let entry = self.entries.remove(name)?;
        self.order.remove(&entry.cookie);
        Some(entry)
    }

    /// In the order of names, after one of them.
    pub fn after(&self, name: Option<&str>) -> impl Iterator<Item = (&Arc<str>, Entry)> {
        let start = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries
            .range::<str, _>((start, Bound::Unbounded))
            .map(|(name, entry)| (name, *entry))
    }

    /// In the order of cookies, after one of them.
    pub fn after_cookie(&self, cookie: u64) -> impl Iterator<Item = (u64, &Arc<str>, Id)> {
        self.order
            .range((Bound::Excluded(cookie), Bound::Unbounded))
            .filter_map(|(cookie, name)| Some((*cookie, name, self.get(name)?.id)))
    }
}
