//! Resolution, renames and directory listings.

mod common;

use common::{BUF, DIRECTORY, READING, Tar, World};
use hypercell_wasi::Errno;

#[test]
fn nothing_leaves_a_preopen() {
    let mut world = World::new(
        Tar::default()
            .dir("d/")
            .symlink("abs", "/tmp")
            .symlink("up", "../tmp")
            .end(),
    );
    world.put(4, "secret", b"s");
    for path in [
        "..",
        "../tmp/secret",
        "d/../../tmp/secret",
        "/tmp/secret",
        "abs/secret",
        "up/secret",
        "up/",
        "d/../..",
    ] {
        assert_eq!(world.open(3, path, 0), Err(Errno::Notcapable), "{path}");
        assert_eq!(world.stat(3, path, 1), Err(Errno::Notcapable), "{path}");
        assert_eq!(
            world.mkdir(3, &format!("{path}/new")),
            Err(Errno::Notcapable),
            "{path}"
        );
        assert_eq!(
            world.rename(3, path, 3, "stolen").unwrap_err(),
            Errno::Notcapable,
            "{path}"
        );
    }
    assert_eq!(world.stat(3, "up", 0).unwrap().0, 7);
    // The same link is fine from where it does not lead out.
    let fd = world.open_as(5, "home/up/secret", 0, READING, 0).unwrap();
    assert_eq!(world.read(fd, 9), Ok(b"s".to_vec()));
    // A directory opened below a preopen confines too.
    let dir = world.open(3, "d", DIRECTORY).unwrap();
    assert_eq!(world.stat(dir, "..", 0), Err(Errno::Notcapable));
}

#[test]
fn symlinks_follow_and_loop() {
    let mut world = World::new(
        Tar::default()
            .file("d/f", b"1")
            .symlink("l", "d")
            .symlink("a", "b")
            .symlink("b", "a")
            .end(),
    );
    assert_eq!(world.stat(3, "l/f", 0).unwrap().1, 1);
    assert_eq!(world.stat(3, "l/", 0).unwrap().0, 3);
    assert_eq!(world.stat(3, "a", 1), Err(Errno::Loop));
    assert_eq!(world.rmdir(3, "l"), Err(Errno::Notdir));
    assert_eq!(world.rmdir(3, "l/"), Err(Errno::Notdir));
    assert_eq!(world.unlink(3, "l/"), Err(Errno::Isdir));
    assert_eq!(world.symlink("/tmp", 3, "x"), Err(Errno::Notcapable));
    assert_eq!(world.symlink("", 3, "x"), Err(Errno::Noent));
    assert_eq!(world.readlink(3, "d/f", 9), Err(Errno::Inval));
    world.symlink("later", 3, "dangling").unwrap();
    world.put(3, "dangling", b"through");
    assert_eq!(world.stat(3, "later", 0).unwrap().1, 7);
}

#[test]
fn slashes_after_a_directory_to_make_or_remove() {
    let mut world = World::new(
        Tar::default()
            .symlink("up", "../tmp")
            .symlink("to", "new")
            .end(),
    );
    assert_eq!(world.mkdir(3, "d//"), Ok(()));
    for link in ["up/", "to/"] {
        assert_eq!(world.mkdir(3, link), Err(Errno::Exist), "{link}");
        assert_eq!(world.rmdir(3, link), Err(Errno::Notdir), "{link}");
    }
    assert_eq!(world.stat(3, "new", 0), Err(Errno::Noent));
    assert_eq!(world.rmdir(3, "d/"), Ok(()));
    for root in ["/", "//"] {
        assert_eq!(world.rmdir(3, root), Err(Errno::Notcapable));
        assert_eq!(world.mkdir(3, root), Err(Errno::Notcapable));
    }
}

#[test]
fn renames() {
    let mut world = World::new(
        Tar::default()
            .file("d/e/f", b"")
            .file("x", b"x")
            .dir("empty")
            .end(),
    );
    assert_eq!(world.rename(3, "d", 3, "d/e/d"), Err(Errno::Inval));
    assert_eq!(world.rename(3, "d", 3, "d"), Ok(()));
    assert_eq!(world.rename(3, "d", 3, "x"), Err(Errno::Notdir));
    assert_eq!(world.rename(3, "x", 3, "d"), Err(Errno::Isdir));
    assert_eq!(world.rename(3, "empty", 3, "d"), Err(Errno::Notempty));
    assert_eq!(world.rename(3, ".", 3, "y"), Err(Errno::Inval));
    assert_eq!(world.rename(3, "x", 3, "y/"), Err(Errno::Notdir));
    assert_eq!(world.rename(3, "x", 4, "x"), Err(Errno::Xdev));
    world.link(3, "x", 3, "same").unwrap();
    assert_eq!(world.rename(3, "x", 3, "same"), Ok(()));
    assert_eq!(world.stat(3, "x", 0).unwrap().3, 2, "both names stay");
    world.rename(3, "d", 3, "empty").unwrap();
    assert_eq!(world.stat(3, "empty/e/f", 0).unwrap().0, 4);
    assert_eq!(world.stat(3, "empty/e/../..", 0).unwrap().0, 3);
}

#[test]
fn cookies_survive_changes() {
    let mut world = World::new(vec![]);
    for name in 0..40 {
        world.put(3, &format!("{name:02}"), b"");
    }
    let mut seen = Vec::new();
    let mut cookie = 0;
    let mut round = 0;
    loop {
        let some = world.readdir(3, cookie, 100).unwrap();
        let Some((next, _)) = some.last() else { break };
        cookie = *next;
        seen.extend(some.into_iter().map(|(_, name)| name));
        // Entries come and go on both sides of the cookie.
        let _ = world.unlink(3, &format!("{round:02}"));
        world.put(3, &format!("new{round}"), b"");
        world.unlink(3, &format!("new{round}")).unwrap();
        round += 1;
    }
    assert_eq!(seen[..2], [".", ".."]);
    let rest: Vec<_> = (0..40).map(|name| format!("{name:02}")).collect();
    let unseen: Vec<_> = rest.iter().filter(|name| !seen.contains(name)).collect();
    assert!(unseen.is_empty(), "{unseen:?} were skipped");
    assert_eq!(seen.len(), 42, "none came twice");
}

#[test]
fn a_full_buffer_cuts_the_last_entry_off() {
    let mut world = World::new(Tar::default().file("name", b"").end());
    let used = |world: &mut World, room| {
        assert_eq!(
            world.with(|w, c| w.fd_readdir(c, 3, BUF, room, 2, 0)),
            Errno::Success
        );
        world.u32_at(0)
    };
    for room in 0..28 {
        assert_eq!(used(&mut world, room), room);
    }
    assert_eq!(used(&mut world, 100), 28);
}
