//! A short run of each target, the same each time; and what once broke one.

use super::*;
use alloc::vec::Vec;
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

#[test]
fn components_keep_the_file_system_sound() {
    short_run("components", |data| components(&data));
}
