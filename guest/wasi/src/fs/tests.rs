//! The accounts agree with the tree, whatever happens to it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::content::Content;
use super::inode::{Id, Node, Zone};
use super::{FileSystem, Mode, Quota};

const LIMITS: Quota = Quota {
    home_bytes: 5000,
    home_files: 30,
    dir_bytes: 4000,
    dir_files: 25,
    tmp_bytes: 3000,
    tmp_files: 20,
};

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
fn a_copied_home_does_not_need_its_tar() {
    let mut fs = FileSystem::new(0);
    fs.set_quota(LIMITS);
    let mut tar = Vec::from([0_u8; 2048]);
    tar[0] = b'f';
    tar[100..107].copy_from_slice(b"0000644");
    tar[124..135].copy_from_slice(b"00000000004");
    tar[156] = b'0';
    tar[257..262].copy_from_slice(b"ustar");
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar[512..516].copy_from_slice(b"text");
    fs.mount("/home", tar.leak(), Mode::Home, 0).unwrap();
    let id = fs.find("/home/f").unwrap();
    let shared = |fs: &FileSystem| matches!(fs.inode(id).node, Node::File(Content::Shared(_)));
    assert!(shared(&fs));
    fs.copy_home().unwrap();
    assert!(!shared(&fs));
    assert_eq!(fs.read_file("/home/f", 0, 9).unwrap(), (4, &b"text"[..]));
    assert!(fs.export("/home", 4096).1.is_empty());
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
            fs.check_invariants(LIMITS, held.len());
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
