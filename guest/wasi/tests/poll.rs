//! Polling and clocks.

mod common;

use common::{Tar, World, result};
use hypercell_wasi::Errno;

/// Puts a subscription at `at`: kind 0 a clock, 1 and 2 a descriptor.
fn subscribe(
    world: &mut World,
    at: usize,
    userdata: u64,
    kind: u8,
    id: u32,
    timeout: u64,
    flags: u16,
) {
    world.mem[at..at + 48].fill(0);
    world.mem[at..at + 8].copy_from_slice(&userdata.to_le_bytes());
    world.mem[at + 8] = kind;
    world.mem[at + 16..at + 20].copy_from_slice(&id.to_le_bytes());
    world.mem[at + 24..at + 32].copy_from_slice(&timeout.to_le_bytes());
    world.mem[at + 40..at + 42].copy_from_slice(&flags.to_le_bytes());
}

/// Polls `count` subscriptions at 0x1000: userdata and errno of the events.
fn poll(world: &mut World, count: u32) -> Result<Vec<(u64, u16)>, Errno> {
    result(world.with(|wasi, call| wasi.poll_oneoff(call, 0x1000, 0x4000, count, 0x100)))?;
    let events = (0..world.u32_at(0x100)).map(|index| 0x4000 + index * 32);
    Ok(events
        .map(|at| (world.u64_at(at), world.u32_at(at + 8) as u16))
        .collect())
}

#[test]
fn poll_waits_for_the_nearest_clock() {
    let mut world = World::new(vec![]);
    assert_eq!(poll(&mut world, 0), Err(Errno::Inval));
    assert_eq!(poll(&mut world, u32::MAX), Err(Errno::Fault));
    subscribe(&mut world, 0x1000, 7, 0, 1, 5000, 0);
    subscribe(&mut world, 0x1030, 8, 0, 0, 3000, 0);
    assert_eq!(poll(&mut world, 2), Ok(vec![(8, 0)]));
    assert_eq!(world.host.slept, [3000]);
    // A point in time, of which some is gone.
    subscribe(&mut world, 0x1000, 7, 0, 1, 1_000_000, 1);
    assert_eq!(poll(&mut world, 1), Ok(vec![(7, 0)]));
    assert!((900_000..1_000_000).contains(&world.host.slept[1]));
    subscribe(&mut world, 0x1000, 7, 0, 1, 1, 1);
    assert_eq!(poll(&mut world, 1), Ok(vec![(7, 0)]));
    assert_eq!(world.host.slept.len(), 2, "the past needs no sleep");
    subscribe(&mut world, 0x1000, 7, 9, 1, 1, 1);
    assert_eq!(poll(&mut world, 1), Err(Errno::Inval));
}

#[test]
fn poll_reports_descriptors_one_by_one() {
    let mut world = World::new(Tar::default().file("f", b"abc").end());
    let fd = world.open(3, "f", 0).unwrap();
    subscribe(&mut world, 0x1000, 1, 1, fd, 0, 0);
    subscribe(&mut world, 0x1030, 2, 2, 1, 0, 0);
    subscribe(&mut world, 0x1060, 3, 1, 99, 0, 0);
    subscribe(&mut world, 0x1090, 4, 1, 0, 0, 0);
    subscribe(&mut world, 0x10C0, 5, 1, 1, 0, 0);
    subscribe(&mut world, 0x10F0, 6, 0, 77, 0, 0);
    subscribe(&mut world, 0x1120, 7, 0, 1, 1000, 0);
    let (badf, inval) = (Errno::Badf as u16, Errno::Inval as u16);
    let expected = vec![(1, 0), (2, 0), (3, badf), (4, 0), (5, badf), (6, inval)];
    assert_eq!(poll(&mut world, 7), Ok(expected));
    assert_eq!(world.u64_at(0x4010), 3, "bytes of the file");
    assert!(world.host.slept.is_empty());
}

#[test]
fn clocks() {
    let mut world = World::new(vec![]);
    for id in 0..4 {
        assert_eq!(
            world.with(|w, c| w.clock_time_get(c, id, 0, 8)),
            Errno::Success
        );
        assert_eq!(world.with(|w, c| w.clock_res_get(c, id, 0)), Errno::Success);
        assert!(world.u64_at(0) > 0);
    }
    for id in [4, u32::MAX] {
        assert_eq!(
            world.with(|w, c| w.clock_time_get(c, id, 0, 8)),
            Errno::Inval
        );
        assert_eq!(world.with(|w, c| w.clock_res_get(c, id, 8)), Errno::Inval);
    }
    assert_eq!(
        world.with(|w, c| w.clock_time_get(c, 0, 0, u32::MAX - 3)),
        Errno::Fault
    );
}
