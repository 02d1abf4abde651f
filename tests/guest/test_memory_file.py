"""A session's memory file: it goes from VM to VM, and a hostile one does no more than a guest."""

from __future__ import annotations

import os

import pytest
from rawguest import hypercall, loop, store, wait
from session_runtime import (
    AGAIN,
    ARENA,
    CHANGED,
    GROWN,
    HEAP,
    PLACES,
    SECOND,
    WRITES,
    Kept,
    Runtime,
    tell,
    told,
    u64,
)

from hypercell.vmm import abi, delta, memfd
from hypercell.vmm.arenas import UNITS
from hypercell.vmm.errors import Closed, HypercellError, ProtocolViolation, TimedOut
from hypercell.vmm.session_memory import SessionMemory

CELLS = WRITES + wait() + AGAIN + wait() + tell(CHANGED) + tell(CHANGED)


@pytest.fixture
def memory() -> SessionMemory:
    return SessionMemory()


def first_cell(runtime: Runtime, code: bytes = CELLS) -> Kept:
    runtime.make(code)
    machine = runtime.fork()
    runtime.run(machine)
    kept = runtime.keep(machine)
    machine.close()
    return kept


def units(fd: int) -> set[int]:
    """Numbers of the 2 MiB units of which the file has anything."""
    return {n for start, end in memfd.data(fd) for n in range(start // abi.HUGE, end // abi.HUGE)}


def test_cells_go_on_in_one_file(runtime: Runtime, memory: SessionMemory) -> None:
    kept = first_cell(runtime)
    second = runtime.fork(kept, file=memory.fd)
    runtime.run(second)
    last = runtime.keep(second, kept)
    second.close()
    new = [(s.first, s.end) for s in last.index if s.piece == 1]
    at = delta.arena_page(1, abi.HUGE // abi.PAGE)
    assert new == [(HEAP // abi.PAGE, HEAP // abi.PAGE + 1), (at, at + 1)]
    for file in (memory.fd, None):  # the file is that state, and the pieces are
        third = runtime.fork(last, file=file)
        assert runtime.run(third) == told(CHANGED)
        third.close()


def test_what_the_file_has_is_not_copied_again(runtime: Runtime, memory: SessionMemory) -> None:
    kept = first_cell(runtime)
    runtime.fork(kept, file=memory.fd).close()
    pages = memfd.size_of(kept.pieces[0])
    other = kept._replace(pieces=[memfd.of_bytes(bytes(pages), "zeros")])
    second = runtime.fork(other, file=memory.fd)
    runtime.run(second)
    nowhere_else = dict.fromkeys(PLACES, 0) | {ARENA: PLACES[ARENA]}
    assert runtime.run(second) == told(CHANGED | nowhere_else | {HEAP: CHANGED[HEAP]})


def test_the_same_is_kept_with_and_without(runtime: Runtime, memory: SessionMemory) -> None:
    kept = first_cell(runtime)
    found = []
    for file in (memory.fd, None):
        machine = runtime.fork(kept, file=file)
        runtime.run(machine)
        _, fd, runs = machine.changes(full=False)
        found.append((runs, memfd.read(fd, 1 << 20)))
        machine.close()
    assert found[0] == found[1]


def test_all_that_differs_from_the_runtime(runtime: Runtime, memory: SessionMemory) -> None:
    kept = first_cell(runtime)
    machine = runtime.fork(kept, file=memory.fd)
    runtime.run(machine)
    whole = runtime.keep(machine, full=True)
    machine.close()
    assert len(whole.pieces) == 1
    assert runtime.run(runtime.fork(whole)) == told(CHANGED)


def test_what_grew_joins_the_file(runtime: Runtime, memory: SessionMemory) -> None:
    """A cell grows an arena by many pages: in its VM they are private, in the next one shared."""
    size = 9 * abi.HUGE
    places = {ARENA + 6 * abi.HUGE + page * abi.PAGE: page + 1 for page in range(40)}
    grow = hypercall(abi.HC_GROW, 1, 5 * abi.HUGE + abi.PAGE, size)
    grow += b"".join(store(place, mark) for place, mark in places.items())
    kept = first_cell(runtime, WRITES + wait() + grow + wait() + tell(places) + tell(PLACES))
    second = runtime.fork(kept, file=memory.fd)
    runtime.run(second)
    before = units(memory.fd)
    last = runtime.keep(second, kept)
    second.close()
    for file in (memory.fd, memory.fd, None):
        third = runtime.fork(last, file=file)
        assert runtime.run(third) == told(places)
        third.close()
    assert units(memory.fd) - before


@pytest.mark.parametrize(
    "hot",
    [
        (0, abi.HUGE),
        (abi.IMAGE, abi.IMAGE + abi.IMAGE_SIZE),
        (abi.TABLES_BASE, abi.TABLES_BASE + abi.TABLES_SIZE),
        (abi.SHARED_BASE, abi.SHARED_BASE + abi.SHARED_SIZE),
        (0, abi.CODE_GPA),
    ],
    ids=["descriptor tables", "code", "page tables", "mailbox", "everything"],
)
def test_no_page_of_the_host_is_in_the_file(
    runtime: Runtime, memory: SessionMemory, hot: tuple[int, int]
) -> None:
    """Who has the file writes to all of it: that must be no more than what ring 3 may write."""
    kept = first_cell(runtime)
    machine = runtime.fork()
    runtime.adopt(machine, kept, file=memory.fd, hot=[hot])
    runtime.run(machine)
    assert runtime.run(machine) == told(CHANGED)
    below, above = range(abi.STACK // abi.HUGE), range(abi.RAM_SIZE // abi.HUGE, 2 * UNITS)
    assert not units(memory.fd) & {*below, *above}


def test_what_was_smuggled_in_goes_no_further(runtime: Runtime, memory: SessionMemory) -> None:
    """A worker that was taken over writes to the file and says nothing of it."""
    kept = first_cell(runtime)
    runtime.fork(kept, file=memory.fd).close()
    os.pwrite(memory.fd, u64(99), (2 * UNITS + 1) * abi.HUGE)
    place = abi.POOL_BASE + abi.HUGE
    second = runtime.fork(kept, file=memory.fd)
    assert bytes(second._memory.view(place, 8)) == u64(99)
    last = runtime.keep(second, kept)
    second.close()
    assert bytes(runtime.fork(last)._memory.view(place, 8)) == bytes(8)


def test_units_that_nobody_may_have_are_not_mapped(runtime: Runtime, memory: SessionMemory) -> None:
    """A worker that was taken over writes where descriptor tables, foreign arenas or none lie."""
    kept = first_cell(runtime)
    runtime.fork(kept, file=memory.fd).close()
    size = os.fstat(memory.fd).st_size
    for offset in (abi.GDT, abi.TABLES_BASE, abi.POOL_BASE, 9 * UNITS * abi.HUGE, size - 8):
        os.pwrite(memory.fd, u64(99), offset)
    second = runtime.fork(kept, file=memory.fd)
    assert not {unit for unit, _ in second._memory.shared_units} & {0, abi.TABLES_BASE}
    runtime.run(second)
    assert runtime.run(second) == told(CHANGED)


def test_a_unit_has_its_place_whichever_arena_grew_first(
    runtime: Runtime, memory: SessionMemory
) -> None:
    """In guest-physical memory arenas lie in the order of their growth in that VM."""
    size = 9 * abi.HUGE
    pages = [unit * abi.HUGE + page * abi.PAGE for unit in range(1, 9) for page in range(40)]
    places = {SECOND + at: at // abi.PAGE for at in pages}
    first = WRITES + hypercall(abi.HC_GROW, 2, abi.PAGE, size)
    first += b"".join(store(place, mark) for place, mark in places.items())
    grow = hypercall(abi.HC_GROW, 1, GROWN, size) + store(ARENA + size - 8, 7)
    some = dict(list(places.items())[:: len(places) // 20])
    tells = tell(PLACES) + tell(some | {ARENA + size - 8: 7})
    kept = first_cell(runtime, first + wait() + grow + wait() + tells)
    for _ in range(2):
        machine = runtime.fork(kept, file=memory.fd)
        runtime.run(machine)
        kept = runtime.keep(machine, kept)
        machine.close()
    for file in (memory.fd, None):
        last = runtime.fork(kept, file=file)
        assert runtime.run(last) == told(some | {ARENA + size - 8: 7})
        last.close()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 19])
def test_every_unit_that_was_written_to_is_looked_through(
    runtime: Runtime, memory: SessionMemory, count: int
) -> None:
    """However many of them there are, of RAM and of arenas, in whatever order."""
    heap = [HEAP + n * abi.HUGE for n in range(count)]
    arena = [ARENA + n * abi.HUGE for n in range(5)]
    places = {place: number for number, place in enumerate([*heap, *arena], 100)}
    writes = b"".join(store(place, mark) for place, mark in places.items())
    kept = first_cell(runtime, WRITES + wait() + writes + wait() + tell(places))
    machine = runtime.fork()
    base = abi.POOL_BASE
    first = HEAP // abi.HUGE * abi.HUGE
    hot = [(first, first + count * abi.HUGE), (base, base + 5 * abi.HUGE)]
    runtime.adopt(machine, kept, file=memory.fd, hot=hot)
    runtime.run(machine)
    last = runtime.keep(machine, kept)
    machine.close()
    assert runtime.run(runtime.fork(last)) == told(places)


def test_what_the_file_has_stays_in_it(runtime: Runtime, memory: SessionMemory) -> None:
    """A unit that were left out once would be old the next time."""
    kept = first_cell(runtime)
    for hot in ([(abi.POOL_BASE, abi.POOL_BASE + abi.HUGE)], []):
        machine = runtime.fork()
        runtime.adopt(machine, kept, file=memory.fd, hot=hot)
        assert (abi.POOL_BASE, abi.POOL_BASE + abi.HUGE) in machine._memory.shared_units
        machine.close()


def test_nobody_can_cut_the_file(memory: SessionMemory) -> None:
    whole = os.fstat(memory.fd).st_size
    for size in (0, abi.PAGE, whole - abi.HUGE, 2 * whole):
        with pytest.raises(PermissionError):
            os.ftruncate(memory.fd, size)


def test_a_vm_with_a_memory_file_is_no_snapshot(runtime: Runtime, memory: SessionMemory) -> None:
    machine = runtime.fork(first_cell(runtime), file=memory.fd)
    with pytest.raises(Closed):
        machine.snapshot()
    with pytest.raises(Closed):
        machine.refresh()


class Impatient:
    """A host that lets a guest run for two seconds."""

    def __init__(self) -> None:
        self.ticks = 0

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks > 200:
            raise TimedOut("the guest ran for too long")

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"nobody needs {name}")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (loop(b""), TimedOut),
        (wait(0), ProtocolViolation),
        (wait(abi.REPLY_AREA_SIZE), ProtocolViolation),
        (hypercall(abi.HC_GROW, 77, 0, abi.PAGE) + wait(), ProtocolViolation),
    ],
    ids=["endless", "no reply", "a reply of zeros", "a lie"],
)
def test_a_guest_that_does_not_touch_is_not_used(
    runtime: Runtime,
    memory: SessionMemory,
    ticking: None,
    code: bytes,
    error: type[HypercellError],
) -> None:
    machine = runtime.fork(first_cell(runtime, WRITES + wait() + code), file=memory.fd)
    with pytest.raises(error):
        machine.touch(Impatient())  # type: ignore[arg-type]
    with pytest.raises(Closed):
        machine.changes(full=False)
