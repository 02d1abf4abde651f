"""A session's memory over a runtime snapshot: kept after a run, put into another VM, attacked."""

from __future__ import annotations

import huge_runs
import msgspec
import pytest
from rawguest import DATA, hypercall, load, reply_u64, store, wait
from session_runtime import (
    AGAIN,
    ARENA,
    BASE,
    CHANGED,
    GROWN,
    HEAP,
    PLACES,
    SECOND,
    WRITES,
    Runtime,
    runs_of,
    tell,
    told,
    u64,
)

from hypercell.vmm import abi, delta, memfd
from hypercell.vmm.cpu_state import Registers
from hypercell.vmm.delta import Stretch
from hypercell.vmm.errors import Closed, GuestCrash, HostError, ProtocolViolation
from hypercell.vmm.session_memory import SessionMemory


@pytest.mark.parametrize("huge", huge_runs.KINDS)
@pytest.mark.parametrize("full", [False, True])
def test_each_cell_goes_on_in_another_vm(runtime: Runtime, huge: str, full: bool) -> None:
    runtime.make(WRITES + wait() + AGAIN + wait() + tell(CHANGED) + tell(CHANGED))
    first = runtime.fork(huge=huge)
    runtime.run(first)
    kept = runtime.keep(first)
    first.close()
    second = runtime.fork(kept, huge=huge)
    assert second.committed == GROWN + abi.PAGE
    runtime.run(second)
    last = runtime.keep(second, kept, full=full)
    second.close()
    assert len(last.pieces) == (1 if full else 2)
    for _ in range(2):  # a state is not used up
        third = runtime.fork(last, huge=huge)
        assert runtime.run(third) == told(CHANGED)
        assert runtime.run(third) == told(CHANGED)
    earlier = runtime.fork(kept)  # nor changed by what came of it
    runtime.run(earlier)
    assert runtime.run(earlier) == told(CHANGED)


def test_memory_in_several_slots(runtime: Runtime) -> None:
    """What touches in the guest lies apart in the host."""
    size = abi.POOL_FIRST_SLOT + 4 * abi.HUGE
    edge = ARENA + abi.POOL_FIRST_SLOT
    places = {edge - 2 * abi.PAGE: 1, edge - abi.PAGE: 2, edge: 3, edge + abi.PAGE: 4}
    code = hypercall(abi.HC_GROW, 1, BASE, size)
    code += b"".join(store(place, mark) for place, mark in places.items())
    runtime.make(code + wait() + tell(places))
    first = runtime.fork(memory=2 * size)
    runtime.run(first)
    kept = runtime.keep(first)
    assert delta.page_count(kept.index) == 4
    assert runtime.run(runtime.fork(kept)) == told(places)


def test_only_what_changed_is_kept(runtime: Runtime) -> None:
    same = store(DATA, 11) + store(HEAP, 22)
    runtime.make(WRITES + wait() + same + store(SECOND, 56) + wait() + reply_u64(SECOND))
    first = runtime.fork()
    runtime.run(first)
    kept = runtime.keep(first)
    assert delta.page_count(kept.index) == len(PLACES)
    second = runtime.fork(kept)
    runtime.run(second)
    _, fd, runs = second.changes(full=False)
    assert runs_of(runs) == [(delta.arena_page(2, 0), delta.arena_page(2, 1))]
    assert memfd.is_sealed(fd)
    assert memfd.size_of(fd) == abi.PAGE


def test_a_warmed_vm_is_as_good_and_its_arenas_may_lie_elsewhere(runtime: Runtime) -> None:
    """What a warm-up grew takes blocks of the pool: numbers of pages do not depend on them."""
    runtime.make(WRITES + wait() + tell(PLACES) + hypercall(abi.HC_GROW, 3, 0, abi.HUGE) + wait())
    first = runtime.fork()
    runtime.run(first)
    kept = runtime.keep(first)
    warmed = runtime.fork()
    warmed.warm_up()
    for _ in range(3):
        runtime.run(warmed)
    warmed.refresh()
    warmed.expect_session()
    runtime.adopt(warmed, kept)
    assert runtime.run(warmed) == told(PLACES)


@pytest.mark.parametrize("memory", [False, True])
def test_a_page_that_is_the_runtimes_again_is_kept(runtime: Runtime, memory: bool) -> None:
    """Its original is not the runtime's page, but what the cell before left."""
    runtime.make(store(ARENA, 5) + wait() + store(ARENA, 2) + wait() + reply_u64(ARENA))
    first = runtime.fork()
    runtime.run(first)
    kept = runtime.keep(first)
    file = SessionMemory()
    second = runtime.fork(kept, file=file.fd if memory else None)
    runtime.run(second)
    last = runtime.keep(second, kept)
    second.close()
    assert [s.piece for s in last.index] == [1]
    assert runtime.run(runtime.fork(last)) == u64(2)


def test_host_tables_are_not_a_sessions(runtime: Runtime) -> None:
    """The guest's arenas grow in the second VM as well, over tables that its own host wrote."""
    runtime.make(
        WRITES + wait() + hypercall(abi.HC_GROW, 1, GROWN, GROWN + abi.HUGE) + tell(PLACES)
    )
    first = runtime.fork()
    runtime.run(first)
    kept = runtime.keep(first)
    tables = abi.TABLES_BASE // abi.PAGE, (abi.TABLES_BASE + abi.TABLES_SIZE) // abi.PAGE
    assert not any(s.first < tables[1] and s.end > tables[0] for s in kept.index)
    assert all(not s.first < abi.FAULT_STACK // abi.PAGE for s in kept.index)
    second = runtime.fork(kept)
    assert runtime.run(second) == told(PLACES)
    assert second.committed == GROWN + abi.HUGE + abi.PAGE


def test_layers_are_mapped_where_they_were(runtime: Runtime) -> None:
    runtime.make(wait() + reply_u64(abi.LAYER_BASE) + reply_u64(abi.LAYER_BASE + abi.HUGE))
    files = [memfd.of_bytes(u64(7) * 1000, "layer"), memfd.of_bytes(u64(8), "layer")]
    first = runtime.fork()
    for fd, size in zip(files, (8000, 8), strict=True):
        first.map_layer(fd, size)
    runtime.run(first)
    kept = runtime.keep(first)
    assert kept.state.layers == (0, abi.HUGE)
    second = runtime.fork()
    runtime.adopt(second, kept, files)
    assert [runtime.run(second), runtime.run(second)] == [u64(7), u64(8)]
    elsewhere = kept._replace(state=msgspec.structs.replace(kept.state, layers=(0, 2 * abi.HUGE)))
    with pytest.raises(HostError):
        runtime.adopt(runtime.fork(), elsewhere, files)


def test_what_a_session_has_not_a_vm_has_not(runtime: Runtime) -> None:
    runtime.make(WRITES + wait() + reply_u64(SECOND))
    first = runtime.fork()
    runtime.run(first)
    kept = runtime.keep(first)
    # The same code without the second arena's page: the guest faults there.
    committed = (*kept.state.committed[:2], *(0,) * (abi.ARENA_COUNT - 2))
    index = [s for s in kept.index if s.first < delta.arena_page(2, 0)]
    smaller = kept._replace(
        state=msgspec.structs.replace(kept.state, committed=committed), index=index
    )
    with pytest.raises(GuestCrash, match="page fault"):
        runtime.run(runtime.fork(smaller))


FORGED = {
    "page tables of boot": [Stretch(1, 2, 0, 0)],
    "descriptor tables": [Stretch(abi.GDT // abi.PAGE, abi.IDT // abi.PAGE, 0, 0)],
    "the exception stub": [Stretch(abi.STUB // abi.PAGE, abi.STUB // abi.PAGE + 1, 0, 0)],
    "the ring-0 stack": [
        Stretch(abi.KERNEL_STACK // abi.PAGE, abi.KERNEL_STACK // abi.PAGE + 1, 0, 0)
    ],
    "code of the image": [Stretch(abi.IMAGE // abi.PAGE, abi.IMAGE // abi.PAGE + 1, 0, 0)],
    "tables of the host": [
        Stretch(abi.TABLES_BASE // abi.PAGE, abi.TABLES_BASE // abi.PAGE + 1, 0, 0)
    ],
    "the mailbox": [Stretch(abi.SHARED_BASE // abi.PAGE, abi.SHARED_BASE // abi.PAGE + 1, 0, 0)],
    "the pool past the arenas": [
        Stretch(abi.POOL_BASE // abi.PAGE, abi.POOL_BASE // abi.PAGE + 1, 0, 0)
    ],
    "beyond an arena": [Stretch(delta.arena_page(2, 1), delta.arena_page(2, 2), 0, 0)],
    "an arena that is not there": [Stretch(delta.arena_page(9, 0), delta.arena_page(9, 1), 0, 0)],
    "a huge count": [Stretch(abi.HEAP // abi.PAGE, 0xFFFF_FFFF, 0, 0)],
    "beyond the piece": [Stretch(abi.HEAP // abi.PAGE, abi.HEAP // abi.PAGE + 1, 0, 1 << 20)],
    "another piece": [Stretch(abi.HEAP // abi.PAGE, abi.HEAP // abi.PAGE + 1, 1, 0)],
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_index_is_refused_by_the_vm(runtime: Runtime, name: str) -> None:
    runtime.make(WRITES + wait() + tell(PLACES))
    first = runtime.fork()
    runtime.run(first)
    kept = runtime.keep(first)
    machine = runtime.fork()
    with pytest.raises(ProtocolViolation):
        runtime.adopt(machine, kept._replace(index=FORGED[name]))
    with pytest.raises(Closed):
        runtime.run(machine)


@pytest.mark.parametrize(
    "change",
    [
        {"xsave": b""},
        {"committed": ()},
        {"committed": (0,) * abi.ARENA_COUNT},
        {"registers": Registers(rflags=0x3002)},
        {"registers": Registers(rax=1 << 64)},
        {"ring_position": -1},
        {"layers": (0,)},
    ],
    ids=str,
)
def test_a_forged_state_is_refused_by_the_vm(runtime: Runtime, change: dict[str, object]) -> None:
    runtime.make(WRITES + wait() + tell(PLACES))
    first = runtime.fork()
    runtime.run(first)
    kept = runtime.keep(first)
    with pytest.raises(ProtocolViolation):
        runtime.fork(kept._replace(state=msgspec.structs.replace(kept.state, **change)))


def test_nothing_is_kept_of_a_vm_that_failed(runtime: Runtime) -> None:
    runtime.make(load(SECOND) + wait())
    machine = runtime.fork()
    with pytest.raises(GuestCrash):
        runtime.run(machine)
    with pytest.raises(Closed):
        machine.changes(full=False)
