//! What changed under a mount that is kept, as a tar in bounded pieces.
//!
//! The tar is an OCI layer over what was mounted: deletions are `.wh.NAME` entries, first in their
//! directory; then come the entries in the order of names, directories before what is in them. A walk
//! holds one name per level and one piece, never the whole tar.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::FileSystem;
use super::inode::{Id, Inode, Node, Zone};
use crate::tar::header::{self, BLOCK};

/// An export under way.
pub struct Export {
    mount: Id,
    /// Of the mount: what lies in another one is not its.
    zone: Zone,
    /// The file system's version at its start.
    version: u64,
    stack: Vec<Level>,
    /// The path of the innermost directory, with its slash.
    path: String,
    /// Files with several names that are written already, by inode number.
    written: BTreeMap<u64, String>,
    /// Headers that did not fit in a piece.
    pending: Vec<u8>,
    /// The file whose data comes next: how much of it is out, and its size.
    data: Option<(Id, u64, u64)>,
    /// Something changed.
    any: bool,
    ended: bool,
}

/// A directory on the way.
struct Level {
    dir: Id,
    /// The last name that is done.
    after: Option<Arc<str>>,
    /// The last deletion that is done; None: all are.
    removed: Option<Option<Arc<str>>>,
    /// Made by the program: all of it is exported.
    fresh: bool,
    /// Bytes of the path above.
    parent_len: usize,
}

impl FileSystem {
    /// CMD_EXPORT: the next piece of what changed under the mount at `path`, at most `max` bytes (but at
    /// least one block), and whether more follows. Nothing changed: `(false, [])`. After the last piece,
    /// and whenever something has changed or another mount was asked for since the piece before, it
    /// begins anew.
    pub fn export(&mut self, path: &str, max: usize) -> (bool, Vec<u8>) {
        let Some(&mount) = self.kept.get(path) else {
            return (false, Vec::new());
        };
        let zone = self.inode(mount).zone;
        if !zone.is_kept() {
            return (false, Vec::new()); // something else is mounted there now
        }
        let mut export = match self.export.take() {
            Some(export) if export.version == self.version && export.mount == mount => export,
            _ => Export::new(mount, zone, self.version),
        };
        let mut out = Vec::new();
        let more = export.fill(self, max.max(BLOCK), &mut out);
        if more {
            self.export = Some(export);
        }
        (more, out)
    }
}

impl Export {
    fn new(mount: Id, zone: Zone, version: u64) -> Self {
        Export {
            mount,
            zone,
            version,
            stack: Vec::from([Level {
                dir: mount,
                after: None,
                removed: Some(None),
                fresh: false,
                parent_len: 0,
            }]),
            path: String::new(),
            written: BTreeMap::new(),
            pending: Vec::new(),
            data: None,
            any: false,
            ended: false,
        }
    }

    /// Fills `out` up to `max` bytes; whether more follows.
    fn fill(&mut self, fs: &FileSystem, max: usize, out: &mut Vec<u8>) -> bool {
        loop {
            let room = max - out.len();
            let count = self.pending.len().min(room);
            out.extend(self.pending.drain(..count));
            if !self.pending.is_empty() {
                return true;
            }
            if let Some((id, done, size)) = self.data {
                let room = max - out.len();
                if room == 0 {
                    return true;
                }
                let count = usize::try_from(size - done).map_or(room, |rest| rest.min(room));
                let start = out.len();
                out.resize(start + count, 0);
                // Nothing changed since the header: the file has `size` bytes.
                let _ = fs.read_at(id, done, &mut out[start..]);
                let done = done + count as u64;
                self.data = (done < size).then_some((id, done, size));
                if self.data.is_none() {
                    let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
                    self.pending.resize(padding as usize, 0);
                }
                continue;
            }
            if self.ended {
                return false;
            }
            if !self.step(fs) {
                self.ended = true;
                if self.any {
                    self.pending.resize(2 * BLOCK, 0);
                }
            }
        }
    }

    /// Goes on by one name, which may put something in `pending` and `data`; false at the end.
    fn step(&mut self, fs: &FileSystem) -> bool {
        let Some(level) = self.stack.last_mut() else {
            return false;
        };
        let Ok(directory) = fs.directory(level.dir) else {
            self.stack.pop();
            return true;
        };
        if let Some(after) = &level.removed {
            let start = after
                .as_deref()
                .map_or(core::ops::Bound::Unbounded, core::ops::Bound::Excluded);
            let next = directory
                .removed
                .range::<str, _>((start, core::ops::Bound::Unbounded))
                .next();
            let Some((name, was_directory)) = next.filter(|_| !level.fresh) else {
                level.removed = None;
                return true;
            };
            level.removed = Some(Some(Arc::clone(name)));
            // A new file simply takes the place of an old one.
            let replaced = directory
                .get(name)
                .is_some_and(|entry| !fs.is_directory(entry.id));
            if !replaced || *was_directory {
                let path = format!("{}.wh.{name}", self.path);
                header::append(&mut self.pending, &path, "", b'0', 0, 0);
                self.any = true;
            }
            return true;
        }
        let Some((name, entry)) = directory.after(level.after.as_deref()).next() else {
            self.path.truncate(level.parent_len);
            self.stack.pop();
            return true;
        };
        level.after = Some(Arc::clone(name));
        let fresh = level.fresh || !entry.base;
        let inode = fs.inode(entry.id);
        let mounted = fs.directory(entry.id).is_ok_and(|dir| dir.mount_point);
        if inode.zone != self.zone || mounted {
            return true; // another mount
        }
        let parent_len = self.path.len();
        self.path.push_str(name);
        if let Node::Directory(_) = inode.node {
            self.path.push('/');
            if fresh || inode.changed {
                header::append(&mut self.pending, &self.path, "", b'5', 0, seconds(inode));
                self.any = true;
            }
            self.stack.push(Level {
                dir: entry.id,
                after: None,
                removed: Some(None),
                fresh,
                parent_len,
            });
            return true;
        }
        if fresh || inode.changed {
            self.file(entry.id, inode);
            self.any = true;
        }
        self.path.truncate(parent_len);
        true
    }

    /// Writes the header of the file or symlink at `path`.
    fn file(&mut self, id: Id, inode: &Inode) {
        let mtime = seconds(inode);
        // A symlink with several names comes as several: not every tar reader knows links to links.
        if inode.nlink > 1 && matches!(inode.node, Node::File(_)) {
            if let Some(first) = self.written.get(&inode.ino) {
                header::append(&mut self.pending, &self.path, first, b'1', 0, mtime);
                return;
            }
            self.written.insert(inode.ino, self.path.clone());
        }
        match &inode.node {
            Node::Symlink(target) => {
                header::append(&mut self.pending, &self.path, target, b'2', 0, mtime)
            }
            _ => {
                let size = inode.size();
                header::append(&mut self.pending, &self.path, "", b'0', size, mtime);
                self.data = (size > 0).then_some((id, 0, size));
            }
        }
    }
}

fn seconds(inode: &Inode) -> u64 {
    inode.mtim / 1_000_000_000
}
