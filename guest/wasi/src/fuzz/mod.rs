//! Fuzz targets: any bytes are a tar, or a sequence of calls. `guest/fuzz` runs them for long.
//!
//! They panic where an invariant is broken; an answer of WASI is never wrong here (what it should be is
//! the affair of the differential test).

mod calls;
mod components;
mod layers;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::fd_table::Target;
use crate::fs::inode::Zone;
use crate::{Call, FileSystem, Host, Mode, Quota, Wasi};

pub use calls::calls;
pub use components::components;
pub use layers::{layers, seal};

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

/// A program with nothing but `/home`, what it stands on, and the input that says what it does.
struct World<'a> {
    fs: FileSystem,
    wasi: Wasi,
    host: Silent,
    mem: Vec<u8>,
    input: Input<'a>,
}

impl<'a> World<'a> {
    fn new(data: &'a [u8]) -> Self {
        let mut fs = FileSystem::new(0);
        fs.set_quota(LIMITS);
        for (path, mode) in [("/home", Mode::Home), ("/tmp", Mode::Tmp)] {
            fs.mount(path, &[], mode, 0).unwrap();
        }
        fs.put_file("/tmp/secret", b"secret", 0).unwrap();
        let preopens = [String::from("/home")];
        let wasi = Wasi::new(&mut fs, vec![], vec![], &preopens, true).unwrap();
        World {
            fs,
            wasi,
            host: Silent::default(),
            mem: vec![0; MEMORY],
            input: Input(data),
        }
    }

    /// Does `step` until the input is used up, checks after each, and that all is freed at the end.
    fn run(mut self, step: impl Fn(&mut Wasi, &mut Call<'_, Silent>, &mut Input<'_>)) {
        for _ in 0..MAX_CALLS {
            if self.input.0.is_empty() {
                break;
            }
            if self.input.byte().is_multiple_of(4) {
                fill(&mut self.mem, &mut self.input);
            } else {
                let mut call = Call {
                    fs: &mut self.fs,
                    host: &mut self.host,
                    mem: &mut self.mem,
                };
                step(&mut self.wasi, &mut call, &mut self.input);
            }
            check(&self.fs, &self.wasi);
        }
        while self.fs.export("/home", 700).0 {}
        self.wasi.close(&mut self.fs);
        self.fs.check_invariants(LIMITS, 0);
    }
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
