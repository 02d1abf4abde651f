//! Preopened directories and deferred files.

mod common;

use common::{CREAT, EXCL, READING, Tar, World, leak, result};
use hypercell_wasi::{Errno, FileSystem, Mode, Quota, Wasi};

#[test]
fn a_deferred_file_asks_at_its_first_open_only() {
    let mut fs = FileSystem::new(0);
    fs.mount("/home", &[], Mode::Home, 0).unwrap();
    fs.mount("/tmp", &[], Mode::Tmp, 0).unwrap();
    fs.defer("/home/cell.c", 0).unwrap();
    let mut world = World::over(fs);
    let before = world.stat(3, "cell.c", 0).unwrap();
    assert_eq!((before.0, before.1, world.host.deferrals), (4, 0, 0));
    assert_eq!(world.open(3, "cell.c", CREAT | EXCL), Err(Errno::Exist));
    world.host.deferred = Some(Box::new(|fs| {
        let tar = Tar::default().file("util.h", b"#define X").end();
        fs.mount("/home", leak(tar), Mode::Home, 5).unwrap();
        fs.put_file("/home/cell.c", b"int main(){}", 5).unwrap();
        fs.set_quota(Quota {
            home_bytes: 30,
            home_files: 9,
            dir_bytes: 0,
            dir_files: 0,
            tmp_bytes: 0,
            tmp_files: 0,
        });
    }));
    let fd = world.open_as(3, "cell.c", 0, READING, 0).unwrap();
    assert_eq!(world.read(fd, 100), Ok(b"int main(){}".to_vec()));
    assert_eq!(
        world.stat(3, "cell.c", 0).unwrap().2,
        before.2,
        "the same inode"
    );
    assert_eq!(world.stat(3, "util.h", 0).unwrap().1, 9);
    world.open_as(3, "cell.c", 0, READING, 0).unwrap();
    assert_eq!(world.host.deferrals, 1);
    let out = world.open(3, "cell.o", CREAT).unwrap();
    assert_eq!(
        world.write(out, &[0; 10]),
        Ok(9),
        "the new quota counts what was put"
    );
    assert!(!world.export(9999).is_empty());
}

#[test]
fn a_deferred_file_that_stays_empty_or_goes() {
    let mut fs = FileSystem::new(0);
    fs.mount("/home", &[], Mode::Home, 0).unwrap();
    fs.defer("/home/a", 0).unwrap();
    fs.defer("/usr/b", 0).unwrap();
    let mut world = World {
        fs,
        ..World::new(vec![])
    };
    world.wasi = Wasi::new(&mut world.fs, vec![], vec![], &["/::.".into()], true).unwrap();
    assert_eq!(
        world
            .open_as(3, "home/a", 0, READING, 0)
            .and_then(|fd| world.read(fd, 9)),
        Ok(vec![])
    );
    world.host.deferred = Some(Box::new(|fs| {
        fs.mount(
            "/usr",
            leak(Tar::default().file(".wh.b", b"").end()),
            Mode::Layer,
            0,
        )
        .unwrap();
    }));
    assert_eq!(world.open_as(3, "usr/b", 0, READING, 0), Err(Errno::Noent));
    assert_eq!(world.host.deferrals, 2);
}

#[test]
fn preopens_by_name() {
    let mut fs = FileSystem::new(0);
    fs.mount(
        "/home",
        leak(Tar::default().file("f", b"").end()),
        Mode::Home,
        0,
    )
    .unwrap();
    let preopens = ["/", "/home", "/home::."].map(String::from);
    let wasi = Wasi::new(&mut fs, vec![], vec![], &preopens, false).unwrap();
    let mut world = World {
        wasi,
        fs,
        ..World::new(vec![])
    };
    for (fd, name) in [(3, "/"), (4, "/home"), (5, ".")] {
        assert_eq!(
            result(world.with(|w, c| w.fd_prestat_get(c, fd, 0))),
            Ok(())
        );
        assert_eq!((world.u32_at(0), world.u32_at(4)), (0, name.len() as u32));
        assert_eq!(
            result(world.with(|w, c| w.fd_prestat_dir_name(c, fd, 64, 20))),
            Ok(())
        );
        assert_eq!(&world.mem[64..64 + name.len()], name.as_bytes());
    }
    assert!(world.stat(5, "f", 0).is_ok());
    assert_eq!(
        result(world.with(|w, c| w.fd_prestat_get(c, 6, 0))),
        Err(Errno::Badf)
    );
    let filetype = |world: &mut World, fd| {
        assert_eq!(world.with(|w, c| w.fd_fdstat_get(c, fd, 0)), Errno::Success);
        world.mem[0]
    };
    assert_eq!(
        [0, 1, 2].map(|fd| filetype(&mut world, fd)),
        [0, 2, 2],
        "stdin at its end is no terminal"
    );
}
