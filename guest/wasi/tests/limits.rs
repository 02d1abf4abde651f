//! Quotas, limits and rights.

mod common;

use common::{CREAT, DIRECTORY, READ, READING, TRUNC, Tar, WRITE, World, result};
use hypercell_wasi::{Errno, Quota, QuotaHit};

#[test]
fn rights_only_shrink() {
    let mut world = World::new(Tar::default().file("f", b"abc").end());
    let reader = world.open_as(3, "f", 0, READ, 0).unwrap();
    assert_eq!(world.write(reader, b"x"), Err(Errno::Badf));
    let writer = world.open_as(3, "f", 0, WRITE, 0).unwrap();
    assert_eq!(world.read(writer, 1), Err(Errno::Badf));
    let set = |world: &mut World, fd, base, inheriting| {
        result(world.with(|w, c| w.fd_fdstat_set_rights(c, fd, base, inheriting)))
    };
    assert_eq!(
        set(&mut world, reader, READ | WRITE, 0),
        Err(Errno::Notcapable)
    );
    // A directory that hands on no right to write.
    let path_open = 1 << 13;
    set(&mut world, 3, path_open, READ).unwrap();
    assert_eq!(
        world.open_as(3, "f", 0, READ | WRITE, 0),
        Err(Errno::Notcapable)
    );
    assert_eq!(
        world.open_as(3, "f", TRUNC, READ, 0),
        Err(Errno::Notcapable)
    );
    assert_eq!(
        world.open_as(3, "g", CREAT, READ, 0),
        Err(Errno::Notcapable)
    );
    assert_eq!(world.unlink(3, "f"), Err(Errno::Notcapable));
    assert!(world.open_as(3, "f", 0, READ, 0).is_ok());
}

#[test]
fn quotas_hold_and_are_noted() {
    let mut world = World::new(vec![]);
    world.fs.set_quota(Quota {
        home_bytes: 1000,
        home_files: 4,
        dir_bytes: 0,
        dir_files: 0,
        tmp_bytes: 10,
        tmp_files: 3,
    });
    let fd = world.open(3, "f", CREAT).unwrap();
    assert_eq!(world.write(fd, &[1; 900]), Ok(900));
    assert_eq!(world.fs.quota_hit(), None);
    assert_eq!(world.write(fd, &[1; 900]), Ok(100), "what fits");
    assert_eq!(world.write(fd, &[1; 900]), Err(Errno::Nospc));
    assert_eq!(world.fs.quota_hit(), Some(QuotaHit::HomeBytes(1000)));
    assert_eq!(
        world.fs.quota_hit().unwrap().to_string(),
        "more than 1000 bytes in /home"
    );
    world.fs.clear_quota_hit();
    assert_eq!(world.pwrite(fd, b"x", 1 << 62), Err(Errno::Nospc));
    assert_eq!(world.symlink("target", 3, "l"), Err(Errno::Nospc));
    world.fs.clear_quota_hit();
    world.open(3, "a", CREAT).unwrap();
    world.open(3, "b", CREAT).unwrap();
    assert_eq!(world.open(3, "c", CREAT), Err(Errno::Dquot));
    assert_eq!(world.mkdir(3, "c"), Err(Errno::Dquot));
    assert_eq!(world.fs.quota_hit(), Some(QuotaHit::HomeFiles(4)));
    // Removing gives it back, once nothing holds it.
    world.unlink(3, "f").unwrap();
    let other = world.open(3, "c", CREAT).unwrap();
    assert_eq!(world.write(other, b"x"), Err(Errno::Nospc));
    world.close(fd).unwrap();
    assert_eq!(world.write(other, b"x"), Ok(1));
    assert_eq!(
        world
            .open(4, "t", CREAT)
            .and_then(|fd| world.write(fd, &[0; 11])),
        Ok(10)
    );
}

#[test]
fn depth_length_and_descriptors_are_bounded() {
    let mut world = World::new(vec![]);
    let mut path = String::from("d");
    while world.mkdir(3, &path).is_ok() {
        path += "/d";
    }
    assert_eq!(world.fs.quota_hit(), Some(QuotaHit::Depth));
    // Nor by renaming a deep tree into a deep one.
    world.mkdir(3, "other").unwrap();
    assert_eq!(world.rename(3, "d/d", 3, "other/d"), Ok(()));
    assert_eq!(
        world.rename(3, "other", 3, "d/other"),
        Err(Errno::Nametoolong)
    );
    world.fs.clear_quota_hit();
    let mut long = "n".repeat(255);
    while world.mkdir(4, &long).is_ok() {
        long = format!("{long}/{}", "n".repeat(255));
    }
    assert_eq!(world.fs.quota_hit(), Some(QuotaHit::PathLength));
    assert_eq!(world.mkdir(4, &"n".repeat(256)), Err(Errno::Nametoolong));
    assert_eq!(world.mkdir(4, &"n/".repeat(2049)), Err(Errno::Nametoolong));
    world.fs.clear_quota_hit();
    let mut opened = 0;
    while world.open_as(3, ".", DIRECTORY, READING, 0).is_ok() {
        opened += 1;
    }
    assert_eq!(
        (opened, world.fs.quota_hit()),
        (1024 - 6, Some(QuotaHit::OpenFiles))
    );
    assert_eq!(world.open(3, "new", CREAT), Err(Errno::Mfile));
    assert_eq!(
        world.stat(3, "new", 0),
        Err(Errno::Noent),
        "it was not made either"
    );
}
