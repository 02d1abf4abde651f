//! What holds of every file system, whatever was done to it: for tests and fuzzing.

use alloc::collections::BTreeMap;

use super::inode::{Id, Node, Zone};
use super::{FileSystem, Quota};
use crate::limits::{MAX_DEPTH, MAX_TREE_PATH};

impl FileSystem {
    /// Panics if the accounts disagree with the tree, a quota does not hold, a directory is not where it
    /// says, or another number than `held` descriptors hold inodes.
    pub(crate) fn check_invariants(&self, limits: Quota, held: usize) {
        let mut counts = BTreeMap::from([(1, (0, 0)), (2, (0, 0)), (3, (0, 0))]);
        let mut opens = 0;
        for inode in self.inodes.live() {
            opens += inode.opens as usize;
            if let Some((bytes, files)) = counts.get_mut(&(inode.zone as u64)) {
                *bytes += inode.size();
                *files += u64::from(inode.nlink);
            }
        }
        for zone in [Zone::Home, Zone::Writable, Zone::Tmp] {
            assert_eq!(self.usage.of(zone), counts[&(zone as u64)], "{zone:?}");
        }
        let (bytes, files) = self.usage.of(Zone::Home);
        // Home itself is a name.
        assert!(bytes <= limits.home_bytes && files <= limits.home_files + 1);
        assert_eq!(opens, held);
        let mut names = BTreeMap::new();
        self.check_tree(self.root, 0, 0, &mut names);
        for (ino, count) in names {
            let inode = self.inodes.live().find(|inode| inode.ino == ino);
            assert_eq!(
                inode.map(|inode| inode.nlink),
                Some(count),
                "links of {ino}"
            );
        }
    }

    /// Parents, names, cookies and depths are consistent; counts the names of each inode.
    fn check_tree(&self, dir: Id, depth: usize, length: usize, names: &mut BTreeMap<u64, u32>) {
        assert!(depth <= MAX_DEPTH && length <= MAX_TREE_PATH + 1);
        let directory = self.directory(dir).unwrap();
        let mut cookies: BTreeMap<u64, Id> = BTreeMap::new();
        for (cookie, name, id) in directory.after_cookie(0) {
            assert!(cookie < self.next_cookie && directory.get(name).unwrap().cookie == cookie);
            cookies.insert(cookie, id);
        }
        assert_eq!(directory.after(None).count(), cookies.len());
        for (name, entry) in directory.after(None) {
            assert!(cookies[&entry.cookie] == entry.id);
            let inode = self.inode(entry.id);
            *names.entry(inode.ino).or_default() += 1;
            if let Node::Directory(child) = &inode.node {
                assert!(child.parent == dir && child.name == *name && inode.nlink == 1);
                self.check_tree(entry.id, depth + 1, length + name.len() + 1, names);
            }
        }
    }
}
