//! Any argument of any function: an answer, never a panic; and what a program holds stays bounded.

mod common;

use common::{MEMORY, Rng, Tar, World};
use hypercell_wasi::{Quota, Wasi};

/// An argument that is likely to be something: a descriptor, an address, a small or a wild number.
fn word(rng: &mut Rng) -> u32 {
    match rng.below(8) {
        0..3 => rng.below(10) as u32,
        3..5 => 0x1000 + rng.below(24) as u32 * 8,
        5 => rng.below(MEMORY as u64 + 64) as u32,
        6 => *rng.pick(&[
            0,
            1,
            8,
            64,
            0x7FFF_FFFF,
            0x8000_0000,
            u32::MAX - 7,
            u32::MAX,
        ]),
        _ => rng.next() as u32,
    }
}

fn long(rng: &mut Rng) -> u64 {
    match rng.below(4) {
        0 => rng.below(100),
        1 => *rng.pick(&[
            0,
            1 << 20,
            i64::MAX as u64,
            i64::MIN as u64,
            u64::MAX,
            u64::MAX - 10,
        ]),
        2 => common::ALL,
        _ => rng.next(),
    }
}

/// Small values of either kind; the trait lets the macro below choose by type.
trait Random {
    fn random(rng: &mut Rng) -> Self;
}
impl Random for u32 {
    fn random(rng: &mut Rng) -> u32 {
        word(rng)
    }
}
impl Random for u64 {
    fn random(rng: &mut Rng) -> u64 {
        long(rng)
    }
}

macro_rules! dispatch {
    ($($name:ident($($arg:ident: $ty:ty),* $(,)?);)*) => {
        const FUNCTIONS: &[&str] = &[$(stringify!($name)),*];

        fn call(world: &mut World, rng: &mut Rng, function: &str) {
            match function {
                $(stringify!($name) => {
                    $(let $arg = <$ty>::random(rng);)*
                    world.with(|wasi, call| wasi.$name(call $(, $arg)*));
                })*
                _ => unreachable!(),
            }
        }
    };
}
hypercell_wasi::for_each_function!(dispatch);

/// Paths, and iovecs and subscriptions that point to something.
fn fill(world: &mut World, rng: &mut Rng) {
    let paths = [
        "a",
        "d/b",
        "d",
        "..",
        "d/../../x",
        "s",
        "loop",
        "/abs",
        "a/",
        ".",
        "d/./e",
        "\u{e9}",
        "\0",
        "",
    ];
    for slot in 0..24 {
        let at = 0x1000 + slot * 8;
        if rng.below(2) == 0 {
            let path = rng.pick(&paths).as_bytes();
            world.mem[at..at + path.len()].copy_from_slice(path);
        } else {
            let (buf, len) = (word(rng), word(rng) % 5000);
            world.mem[at..at + 4].copy_from_slice(&buf.to_le_bytes());
            world.mem[at + 4..at + 8].copy_from_slice(&len.to_le_bytes());
        }
    }
}

#[test]
fn all_46_functions_are_there() {
    assert_eq!(FUNCTIONS.len() + 1, 46, "and proc_exit");
}

#[test]
fn random_calls_never_panic() {
    let tar = Tar::default()
        .dir("d/")
        .file("d/b", b"hello")
        .symlink("s", "d")
        .symlink("loop", "loop");
    for seed in 1..60 {
        let mut rng = Rng(seed);
        let mut world = World::new(tar.clone().end());
        world.host.input = b"some input".to_vec();
        world.fs.set_quota(Quota {
            home_bytes: 100_000,
            home_files: 50,
            dir_bytes: 0,
            dir_files: 0,
            tmp_bytes: 10_000,
            tmp_files: 5,
        });
        for step in 0..1500 {
            if step % 4 == 0 {
                fill(&mut world, &mut rng);
            }
            let function = rng.pick(FUNCTIONS);
            call(&mut world, &mut rng, function);
        }
        let tar = world.export(4096);
        assert!(
            tar.len() < 100_000 + 60 * 4096,
            "{} bytes exported",
            tar.len()
        );
        world.wasi.close(&mut world.fs);
    }
}

#[test]
fn without_a_memory_every_call_answers() {
    let mut rng = Rng(5);
    let mut world = World::new(vec![]);
    world.mem.clear();
    for _ in 0..5000 {
        let function = rng.pick(FUNCTIONS);
        call(&mut world, &mut rng, function);
    }
}

#[test]
fn a_world_refuses_bad_strings() {
    let mut fs = hypercell_wasi::FileSystem::new(0);
    let pair = |name: &str, value: &str| vec![(name.to_string(), value.to_string())];
    assert!(Wasi::new(&mut fs, vec!["a\0b".into()], vec![], &[], false).is_err());
    assert!(Wasi::new(&mut fs, vec![], pair("A=B", ""), &[], false).is_err());
    assert!(Wasi::new(&mut fs, vec![], pair("", "x"), &[], false).is_err());
    assert!(Wasi::new(&mut fs, vec![], pair("A", "x\0"), &[], false).is_err());
    assert!(Wasi::new(&mut fs, vec![], vec![], &["/missing".into()], false).is_err());
    assert!(Wasi::new(&mut fs, vec![], pair("A", "B=C"), &["/".into()], false).is_ok());
}
