"""Snapshot, fork and refresh of raw guests: what is kept, what is shared, what comes back."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

import huge_runs
import msgspec
import pytest
import rawguest
from harness import MEMORY, RecordingHost
from rawguest import DATA, REPLY, hypercall, load, mov, reply_u64, save, store, wait

from hypercell.vmm import abi, page_tables
from hypercell.vmm.arenas import UNITS
from hypercell.vmm.errors import Closed, GuestCrash, HostError, ProtocolViolation
from hypercell.vmm.image import GuestImage
from hypercell.vmm.machine import Machine, State
from hypercell.vmm.run_loop import Deferred
from hypercell.vmm.snapshot import Snapshot, SnapshotState

ARENA = abi.ARENA_BASE + abi.ARENA_STRIDE
SECOND = ARENA + abi.ARENA_STRIDE
GROWN = 2 * abi.HUGE + 3 * abi.PAGE


def grow(arena: int, old: int, new: int) -> bytes:
    return hypercall(abi.HC_GROW, arena, old, new)


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


class Made:
    """Machines and snapshots of one test, closed after it."""

    def __init__(self, kvm_fd: int) -> None:
        self.kvm = kvm_fd
        self.host = RecordingHost()
        self.all: list[Machine | Snapshot] = []

    def boot(self, code: bytes) -> Machine:
        image = GuestImage(rawguest.raw_elf(code))
        self.all.append(machine := Machine.boot(self.kvm, image, limits_memory=MEMORY))
        return machine

    def snapshot(self, machine: Machine) -> Snapshot:
        self.all.append(snapshot := machine.snapshot())
        return snapshot

    def fork(self, snapshot: Snapshot, *, huge: str = "none", memory: int = MEMORY) -> Machine:
        machine = Machine.fork(
            self.kvm, snapshot, limits_memory=memory, huge=huge_runs.of(snapshot, huge)
        )
        self.all.append(machine)
        return machine

    def run(self, machine: Machine) -> bytes | Deferred:
        return machine.run(b"", self.host)


@pytest.fixture
def made(kvm_fd: int) -> Iterator[Made]:
    made = Made(kvm_fd)
    yield made
    for item in reversed(made.all):
        item.close()


# Before the first wait: marks in data, heap, stack and two arenas. After it: reports them.
MARKS = {DATA: 11, abi.HEAP + 0x50_0000: 22, abi.STACK + 0x10_0000: 33, ARENA: 44}
MARKS |= {ARENA + GROWN - 8: 55, SECOND + abi.HUGE - 8: 66}
PREPARE = grow(1, 0, GROWN) + grow(2, 0, abi.HUGE)
PREPARE += b"".join(store(place, mark) for place, mark in MARKS.items())


def report() -> bytes:
    copies = b"".join(load(place) + save(REPLY + 8 * i) for i, place in enumerate(MARKS))
    return copies + wait(8 * len(MARKS))


EXPECTED = b"".join(u64(mark) for mark in MARKS.values())
SCRIBBLE = b"".join(store(place, 99) for place in MARKS)


@pytest.mark.parametrize("huge", huge_runs.KINDS)
def test_a_fork_has_memory_registers_and_vectors(made: Made, huge: str) -> None:
    code = PREPARE + mov("rbx", 0x1234) + b"\x66\x48\x0f\x6e\xc3"  # movq xmm0, rbx
    code += mov("rsi", 77) + wait() + b"\x66\x48\x0f\x7e\xc3"  # movq rbx, xmm0
    code += b"\x48\x89\xd8" + save(REPLY) + b"\x48\x89\xf0" + save(REPLY + 8) + wait(16) + report()
    machine = made.boot(code)
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine), huge=huge)
    assert fork.committed == GROWN + abi.HUGE
    assert made.run(fork) == u64(0x1234) + u64(77)
    assert made.run(fork) == EXPECTED


@pytest.mark.parametrize("huge", huge_runs.KINDS)
def test_forks_share_nothing_they_write(made: Made, huge: str) -> None:
    machine = made.boot(PREPARE + wait() + report() + SCRIBBLE + report())
    machine.start(made.host)
    snapshot = made.snapshot(machine)
    first, second = made.fork(snapshot, huge=huge), made.fork(snapshot)
    assert made.run(first) == EXPECTED
    assert made.run(first) == u64(99) * len(MARKS)
    assert made.run(second) == EXPECTED
    assert made.run(machine) == EXPECTED  # the VM that it was taken of goes on
    assert made.run(made.fork(snapshot)) == EXPECTED


def test_a_snapshot_is_sealed_sparse_and_its_state_crosses_processes(made: Made) -> None:
    machine = made.boot(PREPARE + wait())
    machine.start(made.host)
    snapshot = made.snapshot(machine)
    seals = fcntl.fcntl(snapshot.fd, fcntl.F_GET_SEALS)
    assert seals & fcntl.F_SEAL_WRITE
    assert seals & fcntl.F_SEAL_SHRINK
    held = sum(end - start for start, end in snapshot.state.extents)
    assert os.fstat(snapshot.fd).st_blocks * 512 <= held  # equal where such files have huge pages
    assert held < abi.RAM_SIZE
    packed = msgspec.msgpack.encode(snapshot.state)
    assert msgspec.msgpack.decode(packed, type=SnapshotState) == snapshot.state


@pytest.mark.parametrize("huge", huge_runs.KINDS)
def test_a_snapshot_of_a_fork(made: Made, huge: str) -> None:
    """Untouched pages come from the first snapshot, written ones from the fork."""
    machine = made.boot(PREPARE + wait() + store(DATA, 12) + store(ARENA, 45) + wait() + report())
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine), huge=huge)
    made.run(fork)
    again = made.fork(made.snapshot(fork))
    changed = MARKS | {DATA: 12, ARENA: 45}
    assert made.run(again) == b"".join(u64(mark) for mark in changed.values())


def test_full_blocks_become_large_pages_in_a_snapshot(made: Made) -> None:
    """Grown page by page, promoted in the snapshot, and still the same memory."""
    half = abi.HUGE // 2
    code = grow(1, 0, half) + store(ARENA, 1) + grow(1, half, abi.HUGE) + store(ARENA + half, 2)
    machine = made.boot(code + wait() + reply_u64(ARENA) + reply_u64(ARENA + half))
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine))
    slot = fork._tables.directory_entry(ARENA)
    assert int.from_bytes(fork._memory.view(slot, 8), "little") & page_tables.LARGE
    assert [made.run(fork), made.run(fork)] == [u64(1), u64(2)]


def test_a_snapshot_at_a_deferred_file(made: Made) -> None:
    machine = made.boot(wait() + hypercall(abi.HC_DEFERRED) + report() + wait())
    machine.start(made.host)
    assert isinstance(made.run(machine), Deferred)
    snapshot = made.snapshot(machine)
    assert snapshot.state.deferred
    assert made.fork(snapshot).state is State.DEFERRED


def test_the_clock_goes_on_and_the_seed_changes(made: Made) -> None:
    mailbox = abi.SHARED_BASE + abi.MAILBOX
    fields = (abi.MB_SEED, abi.MB_GENERATION, abi.MB_REALTIME, abi.MB_MONOTONIC)
    tsc = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0"  # rdtsc; shl rdx, 32; or rax, rdx
    code = wait() + b"".join(load(mailbox + f) + save(REPLY + 8 * i) for i, f in enumerate(fields))
    code += tsc + save(REPLY + 32) + load(mailbox + abi.MB_TSC_BASE) + save(REPLY + 40) + wait(48)
    machine = made.boot(code)
    machine.start(made.host)
    snapshot = made.snapshot(machine)
    seen = []
    for _ in range(2):
        reply = made.run(made.fork(snapshot))
        assert isinstance(reply, bytes)
        seen.append([int.from_bytes(reply[at : at + 8], "little") for at in range(0, 48, 8)])
    (seed, generation, realtime, monotonic, ticks, base), later = seen
    assert later[0] != seed
    assert later[1] != generation
    assert later[2] > realtime > 1_700_000_000_000_000_000
    assert later[3] > monotonic
    assert base < ticks < base + 60_000_000_000  # the counter that ring 3 reads is the host's base
    assert later[5] > ticks


def test_the_deterministic_mode_says_so(made: Made) -> None:
    mailbox = abi.SHARED_BASE + abi.MAILBOX
    machine = made.boot(
        wait() + reply_u64(mailbox + abi.MB_FLAGS) + reply_u64(mailbox + abi.MB_SEED)
    )
    machine.deterministic = True
    machine.start(made.host)
    assert made.run(machine) == u64(abi.FLAG_DETERMINISTIC)
    assert made.run(machine) == u64(0)


# --- refresh ------------------------------------------------------------------------------------


@pytest.mark.parametrize("huge", huge_runs.KINDS)
def test_refresh_gives_the_snapshot_back(made: Made, huge: str) -> None:
    machine = made.boot(PREPARE + wait() + report() + SCRIBBLE + report())
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine), huge=huge)
    for _ in range(3):
        fork.warm_up()
        assert made.run(fork) == EXPECTED
        assert made.run(fork) == u64(99) * len(MARKS)
        assert fork.refresh() > 0
        assert fork.state is State.WAITING
    assert made.run(fork) == EXPECTED


def test_units_that_a_warm_up_wrote_much_of(made: Made) -> None:
    place = abi.ARENA_BASE + abi.ARENA_STRIDE + abi.HUGE
    few, many = 3, 20
    code = grow(1, 0, 3 * abi.HUGE) + wait()
    for page in range(few):
        code += store(place - abi.HUGE + page * abi.PAGE, 1)
    for page in range(many):
        code += store(place + page * abi.PAGE, 1)
    machine = made.boot(code + wait())
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine))
    fork.warm_up()
    made.run(fork)
    blocks = {key % UNITS: block for key, block in fork._arenas.records().blocks.items()}
    hot = abi.POOL_BASE + blocks[1] * abi.HUGE
    assert fork.written_units(many) == [(hot, hot + abi.HUGE)]
    assert len(fork.written_units(few)) > 0 == len(fork.written_units(abi.HUGE // abi.PAGE + 1))


@pytest.mark.parametrize("huge", huge_runs.KINDS)
@pytest.mark.parametrize("size", [abi.PAGE, abi.HUGE - abi.PAGE, 3 * abi.HUGE + 5 * abi.PAGE])
def test_what_a_warm_up_grew_is_gone_and_comes_back_zero(made: Made, size: int, huge: str) -> None:
    """Beyond the snapshot's memory a refreshed guest faults; grown again, it finds zeros."""
    end = GROWN + size
    last = ARENA + end - 8
    new = abi.ARENA_BASE + 3 * abi.ARENA_STRIDE
    code = PREPARE + wait() + grow(1, GROWN, end) + grow(3, 0, size)
    code += load(last) + save(REPLY) + load(new) + save(REPLY + 8)
    code += store(last, 7) + store(new, 8) + wait(16) + wait()
    machine = made.boot(code)
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine), huge=huge)
    for _ in range(3):
        fork.warm_up()
        assert made.run(fork) == bytes(16)
        fork.refresh()
        assert fork.committed == GROWN + abi.HUGE
    assert made.run(fork) == bytes(16)


@pytest.mark.parametrize("size", [abi.PAGE, 2 * abi.HUGE])
def test_a_refreshed_guest_faults_where_it_grew_before(made: Made, size: int) -> None:
    """The host decides through the mailbox flags which way the same code goes."""
    flags = abi.SHARED_BASE + abi.MAILBOX + abi.MB_FLAGS
    place = abi.ARENA_BASE + 3 * abi.ARENA_STRIDE + size - 8
    grown = grow(3, 0, size) + store(place, 5)
    skip = load(flags) + b"\x48\x85\xc0\x0f\x85" + len(grown).to_bytes(4, "little")  # jnz
    machine = made.boot(wait() + skip + grown + reply_u64(place))
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine))
    for _ in range(2):
        fork.deterministic = False
        fork.warm_up()
        assert made.run(fork) == u64(5)
        fork.refresh()
    fork.deterministic = True  # do not grow: touch only
    with pytest.raises(GuestCrash, match="page fault") as caught:
        made.run(fork)
    assert caught.value.address == place


def test_a_refresh_needs_a_snapshot(made: Made) -> None:
    machine = made.boot(wait())
    machine.start(made.host)
    with pytest.raises(Closed):
        machine.refresh()


# --- misuse and hostile state ---------------------------------------------------------------------


def test_a_new_machine_must_be_started(made: Made) -> None:
    machine = made.boot(wait())
    with pytest.raises(Closed):
        made.run(machine)
    with pytest.raises(Closed):
        machine.snapshot()
    machine.start(made.host)
    with pytest.raises(Closed):
        machine.start(made.host)


def test_the_quota_of_a_fork_is_its_own(made: Made) -> None:
    result = abi.SHARED_BASE + abi.MAILBOX + abi.MB_RESULT
    machine = made.boot(PREPARE + wait() + grow(3, 0, abi.PAGE) + reply_u64(result))
    machine.start(made.host)
    fork = made.fork(made.snapshot(machine), memory=GROWN + abi.HUGE)
    assert made.run(fork) == u64(1)
    assert fork.refused_grows == 1


def test_files_must_match_the_snapshot(made: Made) -> None:
    machine = made.boot(wait())
    machine.start(made.host)
    snapshot = made.snapshot(machine)
    with pytest.raises(HostError, match="needs 0 code and 0 layer files, not 1 and 0"):
        Machine.fork(made.kvm, snapshot, limits_memory=MEMORY, code=[snapshot.fd])


@pytest.mark.parametrize(
    "change",
    [
        {"xsave": b""},
        {"next_table": abi.TABLES_BASE - abi.PAGE},
        {"next_table": abi.TABLES_BASE + abi.TABLES_SIZE + abi.PAGE},
        {"ring_position": 1 << 63},
        {"extents": ((abi.HUGE, 0),)},
        {"extents": ((0, abi.PAGE),)},
        {"extents": ((0, 1 << 50),)},
        {"extents": ((abi.HUGE, 2 * abi.HUGE), (0, abi.HUGE))},
    ],
    ids=str,
)
def test_a_hostile_state_is_refused(made: Made, change: dict[str, object]) -> None:
    machine = made.boot(wait())
    machine.start(made.host)
    snapshot = made.snapshot(machine)
    lie = msgspec.structs.replace(snapshot.state, **change)
    for _ in range(2):  # what was refused is not remembered as sound
        with pytest.raises(ProtocolViolation):
            SnapshotState.unpack(msgspec.msgpack.encode(lie))
