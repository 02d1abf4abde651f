//! Any bytes as a tar.

use alloc::format;

use super::LIMITS;
use crate::{FileSystem, Mode, Quota};

/// Puts right checksums into what looks like headers, so that other fields are reached.
pub fn seal(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
    }
}

/// A tar as a layer, then over it again, then as a home; what it makes is exported and mounted again.
///
/// # Panics
/// A broken invariant, or an export that cannot be mounted.
pub fn layers(tar: &'static [u8]) {
    let unlimited = Quota {
        home_bytes: u64::MAX,
        home_files: u64::MAX - 1,
        ..LIMITS
    };
    for mode in [Mode::Layer, Mode::Home] {
        let mut fs = FileSystem::new(0);
        fs.set_quota(unlimited);
        let path = if mode == Mode::Layer { "/" } else { "/home" };
        let mounted = fs
            .mount(path, tar, mode, 1)
            .and_then(|()| fs.mount(path, tar, mode, 2));
        // Refused half-way the file system is not used, and need only be sound.
        fs.check_invariants(unlimited, 0);
        if mounted.is_ok() && mode == Mode::Home {
            assert!(!fs.export("/home", 1 << 20).0, "nothing has changed");
        }
    }
}
