//! Descriptors and contents.

mod common;

use common::{ALL, CREAT, DIRECTORY, EXCL, TRUNC, Tar, World, leak, result};
use hypercell_wasi::Errno;

#[test]
fn write_read_seek() {
    let mut world = World::new(vec![]);
    let fd = world.open(3, "f", CREAT | EXCL).unwrap();
    assert_eq!(world.open(3, "f", CREAT | EXCL), Err(Errno::Exist));
    assert_eq!(world.write(fd, b"hello"), Ok(5));
    assert_eq!(world.pwrite(fd, b"J", 0), Ok(1));
    assert_eq!(world.seek(fd, -4, 2), Ok(1));
    assert_eq!(world.read(fd, 100), Ok(b"ello".to_vec()));
    assert_eq!(world.seek(fd, 10, 0), Ok(10));
    assert_eq!(world.read(fd, 100), Ok(vec![]));
    assert_eq!(world.write(fd, b"!"), Ok(1));
    assert_eq!(
        world.fs.read_file("/home/f", 0, 100),
        Ok((11, &b"Jello\0\0\0\0\0!"[..]))
    );
    assert_eq!(world.fs.read_file("/home/f", 10, 100), Ok((11, &b"!"[..])));
    assert_eq!(world.fs.read_file("/home/f", 99, 100), Ok((11, &b""[..])));
    assert!(world.fs.read_file("/home", 0, 1).is_err());
    assert_eq!(world.seek(fd, i64::MIN, 1), Err(Errno::Inval));
    assert_eq!(world.seek(fd, i64::MAX, 1), Err(Errno::Overflow));
    assert_eq!(world.seek(fd, 0, 3), Err(Errno::Inval));
    for stream in 0..3 {
        assert_eq!(world.seek(stream, 0, 1), Err(Errno::Spipe));
    }
}

#[test]
fn offsets_that_posix_has_negative_are_refused() {
    let mut world = World::new(vec![]);
    let fd = world.open(3, "f", CREAT).unwrap();
    world.write(fd, b"hello").unwrap();
    let wild = 1 << 63;
    assert_eq!(world.pwrite(fd, b"x", wild), Err(Errno::Inval));
    let errno = world.with(|wasi, call| wasi.fd_pread(call, fd, 0, 0, wild, 0));
    assert_eq!(errno, Errno::Inval);
    for errno in [
        world.with(|wasi, call| wasi.fd_filestat_set_size(call, fd, wild)),
        world.with(|wasi, call| wasi.fd_allocate(call, fd, wild, 1)),
        world.with(|wasi, call| wasi.fd_allocate(call, fd, 0, wild)),
        world.with(|wasi, call| wasi.fd_advise(call, fd, 0, wild, 0)),
    ] {
        assert_eq!(errno, Errno::Inval);
    }
    assert_eq!(
        world.fs.read_file("/home/f", 0, 100),
        Ok((5, &b"hello"[..]))
    );
}

#[test]
fn append_and_truncate() {
    let mut world = World::new(Tar::default().file("f", b"base").end());
    let fd = world.open_as(3, "f", 0, ALL, 1).unwrap();
    world.write(fd, b"+1").unwrap();
    world.seek(fd, 0, 0).unwrap();
    world.write(fd, b"+2").unwrap();
    assert_eq!(
        world.fs.read_file("/home/f", 0, 100).unwrap().1,
        b"base+1+2"
    );
    let shrink =
        |world: &mut World, size| result(world.with(|w, c| w.fd_filestat_set_size(c, fd, size)));
    shrink(&mut world, 3).unwrap();
    shrink(&mut world, 5).unwrap();
    assert_eq!(world.fs.read_file("/home/f", 0, 100).unwrap().1, b"bas\0\0");
    world.open(3, "f", TRUNC).unwrap();
    assert_eq!(world.stat(3, "f", 0).unwrap().1, 0);
    assert_eq!(shrink(&mut world, 1 << 62), Err(Errno::Nospc));
}

#[test]
fn a_layer_is_copied_on_the_first_write_only() {
    let data = leak(vec![b'x'; 10_000]);
    let mut world = World::new(vec![]);
    world.fs.put_file("/home/big", data, 1).unwrap();
    let fd = world.open(3, "big", 0).unwrap();
    assert_eq!(
        world.fs.read_file("/home/big", 0, 9).unwrap().1.as_ptr(),
        data.as_ptr()
    );
    world.pwrite(fd, b"y", 5).unwrap();
    assert_eq!(
        world.fs.read_file("/home/big", 0, 7).unwrap(),
        (10_000, &b"xxxxxyx"[..])
    );
    assert!(data.iter().all(|byte| *byte == b'x'));
}

#[test]
fn removed_files_live_on_while_open() {
    let mut world = World::new(vec![]);
    world.put(3, "f", b"still here");
    let fd = world.open(3, "f", 0).unwrap();
    world.unlink(3, "f").unwrap();
    assert_eq!(world.read(fd, 100), Ok(b"still here".to_vec()));
    world.mkdir(3, "d").unwrap();
    let dir = world.open(3, "d", DIRECTORY).unwrap();
    world.rmdir(3, "d").unwrap();
    assert_eq!(world.open(dir, "f", CREAT), Err(Errno::Noent));
    assert_eq!(world.readdir(dir, 0, 1000).unwrap().len(), 2);
}

#[test]
fn renumber_onto_itself_onto_preopens_and_closed_ones() {
    let mut world = World::new(vec![]);
    let fd = world.open(3, "f", CREAT).unwrap();
    let renumber =
        |world: &mut World, from, to| result(world.with(|w, c| w.fd_renumber(c, from, to)));
    assert_eq!(renumber(&mut world, fd, fd), Ok(()));
    assert_eq!(world.write(fd, b"1"), Ok(1));
    assert_eq!(renumber(&mut world, fd, fd + 1), Err(Errno::Badf));
    assert_eq!(renumber(&mut world, fd + 1, fd), Err(Errno::Badf));
    assert_eq!(renumber(&mut world, fd, u32::MAX), Err(Errno::Badf));
    assert_eq!(renumber(&mut world, fd, 3), Ok(()));
    assert_eq!(world.write(3, b"2"), Ok(1));
    assert_eq!(world.close(fd), Err(Errno::Badf));
    assert_eq!(
        result(world.with(|w, c| w.fd_prestat_get(c, 3, 0))),
        Err(Errno::Badf)
    );
    assert_eq!(
        world.open(4, "g", CREAT),
        Ok(fd),
        "the lowest number is taken again"
    );
}

#[test]
fn input_is_read_as_it_comes() {
    let mut world = World::new(vec![]);
    world.host.input = b"line\n".to_vec();
    assert_eq!(world.read(0, 2), Ok(b"li".to_vec()));
    assert_eq!(world.read(0, 100), Ok(b"ne\n".to_vec()));
    assert_eq!(world.read(0, 100), Ok(vec![]));
    assert_eq!(world.write(0, b"x"), Err(Errno::Badf));
    assert_eq!(world.read(1, 1), Err(Errno::Badf));
    assert_eq!(world.write(1, b"out"), Ok(3));
    assert_eq!(world.host.out, b"out");
}
