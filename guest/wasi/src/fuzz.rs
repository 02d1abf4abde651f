//! Fuzz targets: any bytes are a tar, or a sequence of calls. `guest/fuzz` runs them for long.
//!
//! They panic where an invariant is broken; an answer of WASI is never wrong here (what it should be is
//! the affair of the differential test).

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::fd_table::Target;
use crate::fs::inode::Zone;
use crate::{Call, FileSystem, Host, Mode, Quota, Wasi};

const MEMORY: usize = 0x1_0000;
/// Where paths, buffers and vectors of the calls lie.
const SLOTS: usize = 0x1000;
const MAX_CALLS: usize = 300;
const LIMITS: Quota = Quota {
    home_bytes: 20_000,
    home_files: 40,
    dir_bytes: 20_000,
    dir_files: 40,
    tmp_bytes: 10_000,
    tmp_files: 20,
};

/// A host that gives numbers and takes everything.
#[derive(Default)]
struct Silent(u64);

impl Host for Silent {
    fn write(&mut self, _stream: u32, _data: &[u8]) {}
    fn read_stdin(&mut self, buf: &mut [u8]) -> usize {
        self.0 += 1;
        buf.len().min(self.0 as usize % 7)
    }
    fn realtime(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
    fn monotonic(&mut self) -> u64 {
        self.realtime()
    }
    fn random(&mut self, buf: &mut [u8]) {
        buf.fill(4);
    }
    fn sleep(&mut self, _nanoseconds: u64) {}
    fn deferred(&mut self, _fs: &mut FileSystem) {}
}

/// Takes numbers from the input; zeros when it is used up.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn number(&mut self, bytes: u32) -> u64 {
        (0..bytes).fold(0, |value, _| value << 8 | u64::from(self.byte()))
    }
}

/// An argument: mostly a small number or an address of something, sometimes any number.
trait Argument {
    fn take(input: &mut Input<'_>) -> Self;
}

impl Argument for u32 {
    fn take(input: &mut Input<'_>) -> u32 {
        match input.byte() {
            small @ 0..=0x7F => u32::from(small) % 32,
            slot @ 0x80..=0xBF => (SLOTS + usize::from(slot - 0x80) * 16) as u32,
            0xC0..=0xDF => input.number(2) as u32,
            0xE0..=0xEF => (MEMORY as u32).wrapping_sub(u32::from(input.byte())),
            _ => input.number(4) as u32,
        }
    }
}

impl Argument for u64 {
    fn take(input: &mut Input<'_>) -> u64 {
        match input.byte() {
            small @ 0..=0x7F => u64::from(small),
            0x80..=0x9F => input.number(2),
            0xA0..=0xDF => (1 << 28) - 1, // all rights
            _ => input.number(8),
        }
    }
}

macro_rules! dispatch {
    ($($name:ident($($arg:ident: $ty:ty),* $(,)?);)*) => {
        const FUNCTIONS: &[&str] = &[$(stringify!($name)),*];

        fn call<H: Host>(wasi: &mut Wasi, call: &mut Call<'_, H>, input: &mut Input<'_>) {
            match FUNCTIONS[usize::from(input.byte()) % FUNCTIONS.len()] {
                $(stringify!($name) => {
                    $(let $arg = <$ty as Argument>::take(input);)*
                    wasi.$name(call $(, $arg)*);
                })*
                _ => {}
            }
        }
    };
}
crate::for_each_function!(dispatch);

/// A program that makes any calls with any arguments in `/home`.
///
/// # Panics
/// A broken invariant.
pub fn calls(data: &[u8]) {
    let mut fs = FileSystem::new(0);
    fs.set_quota(LIMITS);
    for (path, mode) in [("/home", Mode::Home), ("/tmp", Mode::Tmp)] {
        fs.mount(path, &[], mode, 0).unwrap();
    }
    fs.put_file("/tmp/secret", b"secret", 0).unwrap();
    let mut wasi = Wasi::new(&mut fs, vec![], vec![], &[String::from("/home")], true).unwrap();
    let mut host = Silent::default();
    let mut mem = vec![0; MEMORY];
    let mut input = Input(data);
    for _ in 0..MAX_CALLS {
        if input.0.is_empty() {
            break;
        }
        if input.byte() % 4 == 0 {
            fill(&mut mem, &mut input);
        } else {
            let mut borrowed = Call {
                fs: &mut fs,
                host: &mut host,
                mem: &mut mem,
            };
            call(&mut wasi, &mut borrowed, &mut input);
        }
        check(&fs, &wasi);
    }
    while fs.export("/home", 700).0 {}
    wasi.close(&mut fs);
    fs.check_invariants(LIMITS, 0);
}

/// Puts a few bytes of the input into one of the places that arguments point to.
fn fill(mem: &mut [u8], input: &mut Input<'_>) {
    let at = SLOTS + usize::from(input.byte() % 64) * 16;
    for place in &mut mem[at..at + usize::from(input.byte() % 40)] {
        *place = input.byte();
    }
}

/// The tree is sound, and no descriptor leads out of the preopened directory.
fn check(fs: &FileSystem, wasi: &Wasi) {
    let nodes: Vec<_> = wasi
        .fds
        .iter()
        .filter_map(|descriptor| match descriptor.target {
            Target::Node(id) => Some(id),
            _ => None,
        })
        .collect();
    fs.check_invariants(LIMITS, nodes.len());
    for id in nodes {
        assert_eq!(fs.inode(id).zone, Zone::Home, "an escape");
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const CASES: u64 = 3000;

    /// What once broke a target, and seeds: `guest/fuzz/corpus/NAME/*`.
    fn kept(name: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../fuzz/corpus")
            .join(name);
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect()
    }

    fn mutated(data: &[u8], random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let mut out = data.to_vec();
        for _ in 0..=random(4) {
            let at = random(out.len() + 1);
            match random(5) {
                0 if at < out.len() => out[at] = random(256) as u8,
                1 if at < out.len() => out[at] ^= 1 << random(8),
                2 => out.insert(at, random(256) as u8),
                3 => {
                    let piece: Vec<u8> = out[at..].iter().take(1 + random(600)).copied().collect();
                    out.splice(at..at, piece);
                }
                _ => {
                    let end = (at + 1 + random(20)).min(out.len());
                    out.drain(at..end.max(at));
                }
            }
        }
        out
    }

    fn short_run(name: &str, target: impl Fn(Vec<u8>)) {
        let pool = kept(name);
        assert!(!pool.is_empty());
        pool.iter().for_each(|data| target(data.clone()));
        let mut state = 1_u64;
        let mut random = |limit: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % limit
        };
        for _ in 0..CASES {
            let data = mutated(&pool[random(pool.len())], &mut random);
            target(data);
        }
    }

    #[test]
    fn calls_keep_the_file_system_sound() {
        short_run("calls", |data| calls(&data));
    }

    #[test]
    fn layers_are_mounted_or_refused() {
        short_run("layers", |mut data| {
            seal(&mut data);
            layers(Vec::leak(data));
        });
    }
}
