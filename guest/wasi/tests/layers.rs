//! Mounting tars: formats, OCI rules, hostile and damaged ones.

mod common;

use common::{READING, Rng, Tar, World, leak, tree};
use hypercell_wasi::{FileSystem, Mode};

fn mounted(tars: &[Vec<u8>]) -> Result<Vec<(String, String)>, String> {
    let mut fs = FileSystem::new(1);
    for tar in tars {
        fs.mount("/usr", leak(tar.clone()), Mode::Layer, 1)
            .map_err(|error| error.to_string())?;
    }
    Ok(tree(&mut fs, "/usr"))
}

fn names(tars: &[Vec<u8>]) -> Vec<String> {
    mounted(tars)
        .unwrap()
        .into_iter()
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn ustar_entries() {
    let tar = Tar::default()
        .dir("lib/")
        .file("lib/a", b"A")
        .symlink("b", "lib/a")
        .link("c", "lib/a")
        .end();
    let found = mounted(&[tar]).unwrap();
    let expected = [
        ("b", "link lib/a"),
        ("c", "1 \"A\""),
        ("lib", "dir"),
        ("lib/a", "1 \"A\""),
    ];
    assert_eq!(found, expected.map(|(a, b)| (a.into(), b.into())));
}

#[test]
fn missing_parents_and_repeated_entries() {
    let tar = Tar::default()
        .file("a/b/c", b"1")
        .file("a/b/c", b"22")
        .dir("a/b/")
        .file("x", b"")
        .dir("x/")
        .end();
    let found = mounted(&[tar]).unwrap();
    assert_eq!(found[2], ("a/b/c".into(), "2 \"22\"".into()));
    assert_eq!(found[3], ("x".into(), "dir".into()));
}

#[test]
fn long_names() {
    let long = "d/".repeat(40) + &"n".repeat(200);
    let pax = Tar::default()
        .pax(&[("path", &long), ("mtime", "12.5")])
        .file("short", b"p")
        .end();
    let gnu = Tar::default()
        .entry(b'L', "././@LongLink", "", long.as_bytes())
        .file("short", b"g")
        .end();
    assert_eq!(
        mounted(&[pax]).unwrap().last().unwrap(),
        &(long.clone(), "1 \"p\"".into())
    );
    assert_eq!(
        mounted(&[gnu]).unwrap().last().unwrap(),
        &(long, "1 \"g\"".into())
    );
    let mut prefixed = Tar::default().file("name", b"x");
    prefixed.0[345..351].copy_from_slice(b"pre/fi");
    prefixed.seal(0);
    assert_eq!(names(&[prefixed.end()]), ["pre", "pre/fi", "pre/fi/name"]);
}

#[test]
fn entries_stay_inside() {
    let tar = Tar::default()
        .file("../../etc/passwd", b"")
        .file("/abs", b"")
        .file("a/../../b", b"")
        .dir("./")
        .end();
    assert_eq!(names(&[tar]), ["abs", "b", "etc", "etc/passwd"]);
}

#[test]
fn layers_stack() {
    let lower = Tar::default()
        .file("d/old", b"o")
        .file("d/gone", b"")
        .file("e/x", b"")
        .file("f", b"")
        .end();
    let upper = Tar::default()
        .file("d/.wh.gone", b"")
        .file("d/new", b"n")
        .file("e/y", b"")
        .file("e/.wh..wh..opq", b"")
        .dir("f/")
        .file("f/g", b"")
        .end();
    assert_eq!(
        names(&[lower, upper]),
        ["d", "d/new", "d/old", "e", "e/y", "f", "f/g"]
    );
}

#[test]
fn a_whiteout_spares_its_own_layer() {
    let lower = Tar::default().file("a/old", b"").end();
    let upper = Tar::default()
        .dir("a/")
        .file("a/new", b"")
        .file(".wh.a", b"")
        .end();
    assert_eq!(names(&[lower.clone(), upper]), ["a", "a/new"]);
    let removed = Tar::default()
        .file(".wh.a", b"")
        .file(".wh.missing", b"")
        .end();
    assert!(names(&[lower, removed]).is_empty());
}

#[test]
fn layers_keep_out_of_mounts() {
    let mut fs = FileSystem::new(1);
    fs.mount(
        "/home",
        leak(Tar::default().file("mine", b"1").end()),
        Mode::Home,
        1,
    )
    .unwrap();
    let layer = Tar::default()
        .dir("home/")
        .file("home/evil", b"")
        .file(".wh.home", b"")
        .file("bin/x", b"")
        .end();
    fs.mount("/", leak(layer), Mode::Layer, 1).unwrap();
    let found: Vec<_> = tree(&mut fs, "/")
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(found, ["bin", "bin/x", "home", "home/mine"]);
}

#[test]
fn hostile_tars_are_errors() {
    let deep = "d/".repeat(70) + "x";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (
            "below something",
            Tar::default().symlink("a", "/etc").file("a/b", b"").end(),
        ),
        ("hard link", Tar::default().link("a", "b").end()),
        ("hard link", Tar::default().dir("d").link("a", "d").end()),
        (
            "hard link",
            Tar::default().file("d/a", b"x").link("d", "d/a").end(),
        ),
        ("device", Tar::default().entry(b'3', "null", "", b"").end()),
        (
            "unknown type",
            Tar::default().entry(b'S', "sparse", "", b"").end(),
        ),
        (
            "sparse",
            Tar::default()
                .pax(&[("GNU.sparse.major", "1")])
                .file("s", b"")
                .end(),
        ),
        ("symlink", Tar::default().symlink("a", "").end()),
        (
            "255 bytes",
            Tar::default().pax(&[("path", "a\0b")]).file("s", b"").end(),
        ),
        (
            "255 bytes",
            Tar::default()
                .pax(&[("path", &"n".repeat(256))])
                .file("s", b"")
                .end(),
        ),
        (
            "directories",
            Tar::default().pax(&[("path", &deep)]).file("s", b"").end(),
        ),
        ("whiteout", Tar::default().file(".wh...", b"").end()),
        (
            "root",
            Tar::default().file("./", b"").symlink("..", "x").end(),
        ),
        (
            "cut-off data",
            Tar::default()
                .pax(&[("size", "18446744073709551615")])
                .file("s", b"")
                .end(),
        ),
        (
            "pax",
            Tar::default()
                .entry(b'x', "pax", "", b"99999999999999999999 a=b\n")
                .end(),
        ),
        ("pax", Tar::default().entry(b'x', "pax", "", b"3 \n").end()),
    ];
    for (expected, tar) in cases {
        let error = mounted(&[tar]).expect_err(expected);
        assert!(
            error.contains(expected),
            "{error} should contain {expected}"
        );
    }
}

#[test]
fn cut_off_at_every_byte() {
    let tar = Tar::default()
        .file("a", b"hello")
        .pax(&[("path", "b")])
        .file("x", b"world")
        .end();
    for len in 0..tar.len() {
        let _ = mounted(&[tar[..len].to_vec()]);
    }
    assert!(
        mounted(&[tar[..700].to_vec()]).is_ok(),
        "the last padding may be missing"
    );
    assert!(mounted(&[tar[..514].to_vec()]).is_err());
}

#[test]
fn damaged_at_random_never_panics() {
    let good = Tar::default()
        .dir("d/")
        .file("d/a", b"hello")
        .symlink("d/s", "a")
        .link("d/h", "d/a")
        .pax(&[("path", "e/long"), ("linkpath", "q")])
        .file("x", b"world")
        .file("d/.wh.a", b"")
        .file(".wh..wh..opq", b"");
    let mut rng = Rng(11);
    for _ in 0..5_000 {
        let mut tar = good.clone();
        for _ in 0..=rng.below(6) {
            let at = rng.below(tar.0.len() as u64) as usize;
            tar.0[at] = rng.next() as u8;
        }
        // With the checksums right, the damage gets through to the fields.
        for start in (0..tar.0.len()).step_by(512) {
            if tar.0[start + 257..].starts_with(b"ustar") {
                tar.seal(start);
            }
        }
        let _ = mounted(&[good.clone().end(), tar.end()]);
    }
}

#[test]
fn a_layer_is_read_only() {
    let mut fs = FileSystem::new(1);
    fs.mount("/home", &[], Mode::Home, 1).unwrap();
    fs.mount("/tmp", &[], Mode::Tmp, 1).unwrap();
    fs.mount(
        "/usr",
        leak(Tar::default().file("a", b"A").dir("d").end()),
        Mode::Layer,
        1,
    )
    .unwrap();
    let mut world = World::over(fs);
    use hypercell_wasi::Errno::{Busy, Rofs, Xdev};
    assert_eq!(world.open(5, "usr/a", 0), Err(Rofs));
    assert_eq!(world.open(5, "usr/b", common::CREAT), Err(Rofs));
    assert_eq!(
        world.open_as(5, "usr/a", common::TRUNC, READING, 0),
        Err(Rofs)
    );
    assert_eq!(world.mkdir(5, "usr/x"), Err(Rofs));
    assert_eq!(world.mkdir(5, "top"), Err(Rofs));
    assert_eq!(world.unlink(5, "usr/a"), Err(Rofs));
    assert_eq!(world.rmdir(5, "usr/d"), Err(Rofs));
    assert_eq!(world.rename(5, "usr/a", 5, "usr/b"), Err(Rofs));
    assert_eq!(world.rename(5, "usr/a", 3, "a"), Err(Xdev));
    assert_eq!(world.link(5, "usr/a", 3, "a"), Err(Xdev));
    assert_eq!(world.symlink("a", 5, "usr/s"), Err(Rofs));
    assert_eq!(world.rmdir(5, "home"), Err(Busy));
    assert_eq!(world.rename(5, "home", 5, "tmp/h"), Err(Busy));
    let fd = world.open_as(5, "usr/a", 0, READING, 0).unwrap();
    assert_eq!(world.read(fd, 10), Ok(b"A".to_vec()));
}

#[test]
fn a_home_begins_anew_where_it_is_open() {
    let mut world = World::new(Tar::default().file("old", b"1").end());
    let (_, _, ino, _) = world.stat(3, ".", 0).unwrap();
    world
        .fs
        .mount(
            "/home",
            leak(Tar::default().file("new", b"22").end()),
            Mode::Home,
            3,
        )
        .unwrap();
    assert_eq!(world.stat(3, ".", 0).unwrap().2, ino);
    assert!(world.stat(3, "old", 0).is_err());
    assert_eq!(world.stat(3, "new", 0).unwrap().1, 2);
    assert!(world.fs.mount("/elsewhere", &[], Mode::Home, 3).is_err());
    assert!(world.fs.mount("/home/new", &[], Mode::Tmp, 3).is_err());
    assert!(world.fs.mount("/home/../x", &[], Mode::Tmp, 3).is_err());
}
