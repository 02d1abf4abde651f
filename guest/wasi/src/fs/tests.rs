//! The accounts agree with the tree, whatever happens to it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::inode::{Id, Node, Zone};
use super::{FileSystem, Mode, Quota};
use crate::limits::{MAX_DEPTH, MAX_TREE_PATH};

const LIMITS: Quota = Quota {
    home_bytes: 5000,
    home_files: 30,
    dir_bytes: 4000,
    dir_files: 25,
    tmp_bytes: 3000,
    tmp_files: 20,
};

/// Bytes and names per zone, counted from the tree and the inodes that are only held open.
fn count(fs: &FileSystem) -> BTreeMap<u64, (u64, u64)> {
    let mut counts = BTreeMap::from([(1, (0, 0)), (2, (0, 0)), (3, (0, 0))]);
    for inode in fs.inodes.live() {
        if let Some((bytes, files)) = counts.get_mut(&(inode.zone as u64)) {
            *bytes += inode.size();
            *files += u64::from(inode.nlink);
        }
    }
    counts
}

fn check(fs: &FileSystem) {
    let counted = count(fs);
    for zone in [Zone::Home, Zone::Writable, Zone::Tmp] {
        assert_eq!(fs.usage.of(zone), counted[&(zone as u64)], "{zone:?}");
    }
    let (bytes, files) = fs.usage.of(Zone::Home);
    assert!(
        bytes <= LIMITS.home_bytes && files <= LIMITS.home_files + 1,
        "home itself is a name"
    );
    check_tree(fs, fs.root, 0, 0);
}

/// Parents, names, links and depths are consistent.
fn check_tree(fs: &FileSystem, dir: Id, depth: usize, length: usize) {
    assert!(depth <= MAX_DEPTH && length <= MAX_TREE_PATH + 1);
    let directory = fs.directory(dir).unwrap();
    assert_eq!(
        directory.after(None).count(),
        directory.after_cookie(0).count()
    );
    for (name, entry) in directory.after(None) {
        let inode = fs.inode(entry.id);
        assert!(inode.nlink > 0);
        if let Node::Directory(child) = &inode.node {
            assert!(child.parent == dir && child.name == *name && inode.nlink == 1);
            check_tree(fs, entry.id, depth + 1, length + name.len() + 1);
        }
    }
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn random_operations_keep_the_accounts() {
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let mut fs = FileSystem::new(0);
        fs.set_quota(LIMITS);
        fs.mount("/home", &[], Mode::Home, 0).unwrap();
        fs.mount("/tmp", &[], Mode::Tmp, 0).unwrap();
        fs.mount("/data", &[], Mode::Writable, 0).unwrap();
        let mut held: Vec<Id> = Vec::new();
        for now in 0..1500 {
            let path = |rng: &mut Rng| {
                let mut path = String::from(["tmp", "home", "home", "data"][rng.below(4) as usize]);
                for _ in 0..=rng.below(3) {
                    path += &format!("/{}", rng.below(4));
                }
                path
            };
            let (one, two) = (path(&mut rng), path(&mut rng));
            let (Ok(one), Ok(two)) = (
                fs.resolve(fs.root, &one, false),
                fs.resolve(fs.root, &two, false),
            ) else {
                continue;
            };
            let name = one.name(crate::Errno::Inval).unwrap_or("x");
            match rng.below(12) {
                0..2 => _ = fs.create_file(one.dir, name, now),
                2..4 => _ = fs.create_directory(one.dir, name, now),
                4 => {
                    _ = fs.create_symlink(
                        one.dir,
                        name,
                        &"t".repeat(rng.below(300) as usize + 1),
                        now,
                    )
                }
                5 => _ = two.id.map(|id| fs.link(id, one.dir, name, now)),
                6 => _ = fs.unlink(one.dir, name, now),
                7 => _ = fs.remove_directory(one.dir, name, now),
                8 => _ = fs.rename(&one, &two, now),
                9 => {
                    _ = one
                        .id
                        .map(|id| fs.write_at(id, rng.below(2000), &[7; 700], now))
                }
                10 => _ = one.id.map(|id| fs.set_size(id, rng.below(3000), now)),
                _ => {
                    if let Some(id) = one.id
                        && held.len() < 10
                    {
                        fs.hold(id);
                        held.push(id);
                    } else if let Some(id) = held.pop() {
                        fs.release(id);
                    }
                }
            }
            check(&fs);
        }
        for id in held {
            fs.release(id);
        }
        fs.mount("/home", &[], Mode::Home, 0).unwrap();
        fs.mount("/tmp", &[], Mode::Tmp, 0).unwrap();
        fs.mount("/data", &[], Mode::Writable, 0).unwrap();
        assert_eq!(
            [Zone::Home, Zone::Writable, Zone::Tmp].map(|zone| fs.usage.of(zone)),
            [(0, 1); 3]
        );
        assert_eq!(fs.inodes.live().count(), 4, "everything is freed");
    }
}
