//! What changed under /home comes back as a tar; mounted over the old one it gives the same files.

mod common;

use common::{CREAT, Rng, TRUNC, Tar, World, leak, tree};
use hypercell_wasi::{Errno, FileSystem, Mode, Quota, QuotaHit};

fn base() -> Vec<u8> {
    Tar::default()
        .dir("d/")
        .file("d/a", b"alpha")
        .file("d/b", b"beta")
        .dir("d/e/")
        .file("d/e/f", b"deep")
        .file("top", b"top")
        .link("twin", "top")
        .symlink("s", "d/a")
        .end()
}

/// Names and types of a tar's entries.
fn entries(tar: &[u8]) -> Vec<(char, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tar.len() && tar[at] != 0 {
        let name = tar[at..at + 100].split(|byte| *byte == 0).next().unwrap();
        let size = std::str::from_utf8(&tar[at + 124..at + 135]).unwrap();
        let size = usize::from_str_radix(size, 8).unwrap();
        found.push((
            tar[at + 156] as char,
            String::from_utf8(name.to_vec()).unwrap(),
        ));
        at += 512 + size.next_multiple_of(512);
    }
    found
}

fn listed(world: &mut World) -> Vec<String> {
    entries(&world.export(4096))
        .into_iter()
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect()
}

#[test]
fn nothing_changed_is_nothing() {
    let mut world = World::new(base());
    assert!(world.export(1000).is_empty());
    let fd = world.open(3, "d/a", 0).unwrap();
    world.read(fd, 10).unwrap();
    world.put(4, "scratch", b"forgotten");
    world
        .fs
        .put_file("/home/given", b"from the host", 1)
        .unwrap();
    assert!(world.export(1000).is_empty());
}

#[test]
fn only_what_changed_in_order() {
    let mut world = World::new(base());
    world.put(3, "d/new", b"n");
    world.put(3, "d/a", b"changed");
    world.unlink(3, "d/b").unwrap();
    world.mkdir(3, "c").unwrap();
    world.symlink("x", 3, "c/l").unwrap();
    assert_eq!(
        listed(&mut world),
        ["5 c/", "2 c/l", "0 d/.wh.b", "0 d/a", "0 d/new"]
    );
}

#[test]
fn a_directory_made_anew_hides_the_old_one() {
    let mut world = World::new(base());
    world.unlink(3, "d/e/f").unwrap();
    world.rmdir(3, "d/e").unwrap();
    world.mkdir(3, "d/e").unwrap();
    assert_eq!(listed(&mut world), ["0 d/.wh.e", "5 d/e/"]);
}

#[test]
fn a_file_in_the_place_of_a_directory() {
    let mut world = World::new(base());
    world.unlink(3, "d/e/f").unwrap();
    world.rmdir(3, "d/e").unwrap();
    world.put(3, "d/e", b"file");
    assert_eq!(listed(&mut world), ["0 d/.wh.e", "0 d/e"]);
}

#[test]
fn a_new_home_has_no_changes() {
    let mut world = World::new(base());
    world.unlink(3, "d/b").unwrap();
    world.put(3, "new", b"n");
    world
        .fs
        .mount("/home", leak(base()), Mode::Home, 9)
        .unwrap();
    assert!(world.export(1000).is_empty());
}

#[test]
fn saving_over_a_file_is_one_entry() {
    let mut world = World::new(base());
    world.put(3, "tmpfile", b"new contents");
    world.rename(3, "tmpfile", 3, "d/a").unwrap();
    assert_eq!(listed(&mut world), ["0 d/a"]);
}

#[test]
fn links_stay_links() {
    let mut world = World::new(base());
    world.put(3, "twin", b"both");
    assert_eq!(listed(&mut world), ["0 top", "1 twin"]);
    let mut world = World::new(base());
    world.link(3, "d/a", 3, "d/z").unwrap();
    assert_eq!(listed(&mut world), ["0 d/a", "1 d/z"]);
}

#[test]
fn a_moved_directory_comes_whole() {
    let mut world = World::new(base());
    world.unlink(3, "d/b").unwrap();
    world.rename(3, "d", 3, "moved").unwrap();
    let expected = [
        "0 .wh.d",
        "5 moved/",
        "0 moved/a",
        "5 moved/e/",
        "0 moved/e/f",
    ];
    assert_eq!(listed(&mut world), expected);
}

#[test]
fn names_that_would_delete_are_refused() {
    let mut world = World::new(base());
    assert!(world.open(3, ".wh.d", CREAT).is_err());
    assert!(world.mkdir(3, "d/.wh.a").is_err());
    assert!(world.rename(3, "top", 3, ".wh.top").is_err());
    assert!(
        world.open(4, ".wh.fine", CREAT).is_ok(),
        "/tmp is never exported"
    );
}

#[test]
fn long_paths_and_any_piece_size() {
    let mut world = World::new(vec![]);
    let dir = format!("{}/{}", "a".repeat(120), "b".repeat(120));
    world.mkdir(3, &"a".repeat(120)).unwrap();
    world.mkdir(3, &dir).unwrap();
    world.put(3, &format!("{dir}/f"), &[9; 3000]);
    world
        .symlink(&"\u{e9}\u{20ac}".repeat(60), 3, "link")
        .unwrap();
    world.link(3, "link", 3, "link2").unwrap();
    let whole = world.export(1 << 20);
    for max in [0, 1, 511, 512, 513, 1000, 4096] {
        assert_eq!(world.export(max), whole, "pieces of {max}");
    }
    assert_eq!(whole.len() % 512, 0);
    let mut copy = FileSystem::new(0);
    copy.mount("/home", leak(whole), Mode::Home, 0).unwrap();
    assert_eq!(tree(&mut copy, "/home"), tree(&mut world.fs, "/home"));
}

#[test]
fn the_deepest_and_longest_paths_come_back() {
    let mut world = World::new(vec![]);
    let mut deep = String::from("d");
    while world.mkdir(3, &deep).is_ok() {
        deep += "/d";
    }
    world.put(3, &deep, b"deepest");
    let mut long = "n".repeat(251);
    while world.mkdir(3, &long).is_ok() {
        long = format!("{long}/{}", "n".repeat(251));
    }
    let room = 1024 - "home/".len() - long.rfind('/').unwrap() - 1;
    let long = format!("{}/{}", &long[..long.rfind('/').unwrap()], "x".repeat(room));
    assert!(world.open(3, &format!("{long}x"), CREAT).is_err());
    world.put(3, &long, b"longest");
    let first = leak(world.export(4096));
    let mut world = World::new(first.to_vec());
    assert_eq!(world.stat(3, &deep, 0).unwrap().1, 7);
    world.unlink(3, &deep).unwrap();
    world.unlink(3, &long).unwrap();
    let delta = world.export(4096);
    let mut again = FileSystem::new(0);
    again.mount("/home", first, Mode::Layer, 0).unwrap();
    again.mount("/home", leak(delta), Mode::Layer, 0).unwrap();
    assert_eq!(tree(&mut again, "/home"), tree(&mut world.fs, "/home"));
}

#[test]
fn a_change_between_pieces_begins_anew() {
    let mut world = World::new(vec![]);
    world.put(3, "a", &[1; 2000]);
    assert!(world.fs.export("/home", 512).0);
    world.put(3, "a", b"short");
    let tar = world.export(600);
    assert_eq!(entries(&tar), [('0', "a".into())]);
}

/// Does something at random to /home.
fn disturb(world: &mut World, rng: &mut Rng) {
    let pool = [
        "a", "b", "d", "d/a", "d/b", "d/e", "d/e/f", "top", "twin", "s", "n", "n/a", "n/d", "n/d/x",
    ];
    let (one, two) = (*rng.pick(&pool), *rng.pick(&pool));
    match rng.below(9) {
        0..2 => {
            if let Ok(fd) = world.open(3, one, CREAT | if rng.below(2) == 0 { TRUNC } else { 0 }) {
                let data = vec![b'a' + rng.below(26) as u8; rng.below(1500) as usize];
                world.write(fd, &data).unwrap();
                world.close(fd).unwrap();
            }
        }
        2 => _ = world.mkdir(3, one),
        3 => _ = world.unlink(3, one),
        4 => _ = world.rmdir(3, one),
        5 => _ = world.symlink(two, 3, one),
        6 => _ = world.link(3, one, 3, two),
        _ => _ = world.rename(3, one, 3, two),
    }
}

#[test]
fn random_changes_round_trip() {
    for seed in 1..400 {
        let mut rng = Rng(seed);
        let mut world = World::new(base());
        for _ in 0..rng.below(40) {
            disturb(&mut world, &mut rng);
        }
        let delta = world.export(700);
        assert_eq!(delta, world.export(100_000), "an export can be repeated");
        // Over the old files as a layer, which is what the host does with it.
        let mut again = FileSystem::new(0);
        again.mount("/x", leak(base()), Mode::Layer, 0).unwrap();
        again.mount("/x", leak(delta), Mode::Layer, 0).unwrap();
        assert_eq!(
            tree(&mut again, "/x"),
            tree(&mut world.fs, "/home"),
            "seed {seed}"
        );
    }
}

#[test]
fn each_given_directory_is_exported_by_itself() {
    let mut fs = FileSystem::new(1);
    fs.mount("/home", &[], Mode::Home, 2).unwrap();
    fs.mount("/tmp", &[], Mode::Tmp, 2).unwrap();
    let tree = Tar::default().file("old", b"1").file("gone", b"2").end();
    fs.mount("/data", leak(tree), Mode::Writable, 2).unwrap();
    fs.mount("/data/in/other", &[], Mode::Writable, 2).unwrap();
    let mut world = World::over(fs);
    for path in ["/home", "/data", "/data/in/other", "/nowhere"] {
        assert!(world.export_of(path, 4096).is_empty(), "{path}");
    }
    world.put(5, "data/new", b"here");
    world.put(5, "data/in/other/deep", b"there");
    world.unlink(5, "data/gone").unwrap();
    assert_eq!(world.rename(5, "data/old", 3, "old"), Err(Errno::Xdev));
    let names = |world: &mut World, path| -> Vec<String> {
        let found = entries(&world.export_of(path, 600));
        found.into_iter().map(|(_, name)| name).collect()
    };
    assert_eq!(names(&mut world, "/data"), [".wh.gone", "new"]);
    assert_eq!(names(&mut world, "/data/in/other"), ["deep"]);
    assert!(world.export(4096).is_empty());
    // An export that another one interrupts begins anew.
    assert!(world.fs.export("/data", 512).0);
    assert!(world.fs.export("/data/in/other", 512).0);
    assert_eq!(names(&mut world, "/data"), [".wh.gone", "new"]);
    world.fs.mount("/data", &[], Mode::Tmp, 3).unwrap();
    assert!(world.export_of("/data", 4096).is_empty());
}

#[test]
fn given_directories_share_one_quota() {
    let mut fs = FileSystem::new(1);
    for path in ["/home", "/tmp"] {
        fs.mount(path, &[], Mode::Tmp, 2).unwrap();
    }
    for path in ["/a", "/b"] {
        fs.mount(path, &[], Mode::Writable, 2).unwrap();
    }
    fs.set_quota(Quota {
        dir_bytes: 10,
        dir_files: 4,
        ..Quota::default()
    });
    let mut world = World::over(fs);
    world.put(5, "a/x", b"123456");
    let fd = world.open(5, "b/y", CREAT).unwrap();
    assert_eq!(world.write(fd, b"123456"), Ok(4));
    assert_eq!(world.open(5, "a/z", CREAT), Err(Errno::Dquot));
    assert_eq!(world.fs.quota_hit(), Some(QuotaHit::DirBytes(10)));
}
