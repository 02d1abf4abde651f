"""Pages, pieces and indices of a session's state: arithmetic, and what hostile processes send."""

from __future__ import annotations

import itertools
import os
import random
import struct

import msgspec
import pytest

from hypercell.vmm import abi, delta, memfd, session_state
from hypercell.vmm.arenas import ArenaRecords
from hypercell.vmm.cpu_state import XSAVE_SIZE, Registers
from hypercell.vmm.delta import DeltaState, Places, Stretch
from hypercell.vmm.errors import LimitExceeded, ProtocolViolation
from hypercell.vmm.layer import Layer
from hypercell.vmm.messages import Kept
from hypercell.vmm.session_state import SessionState
from hypercell.vmm.vm_snapshot import Snapshot

RAM = ((32, 64), (512, 1024))
COMMITTED = (0, 4 * abi.PAGE, *(0,) * (abi.ARENA_COUNT - 2))
ARENA = delta.arena_page(1, 0)
MORE = 1 << 20


def runs_of(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs


def test_an_overlay_is_what_a_dictionary_makes_of_it() -> None:
    dice = random.Random(5)  # noqa: S311
    for _ in range(300):
        index: list[Stretch] = []
        expected: dict[int, tuple[int, int]] = {}
        for piece in range(dice.randint(1, 6)):
            runs = runs_of(sorted(dice.sample(range(40), dice.randint(0, 25))))
            slot = 0
            for first, end in runs:
                for number in range(first, end):
                    expected[number] = (piece, slot)
                    slot += 1
            index = delta.overlay(index, delta.stretches(runs, piece))
        found = {
            number: (piece, slot + number - first)
            for first, end, piece, slot in index
            for number in range(first, end)
        }
        assert found == expected
        assert delta.page_count(index) == len(expected)
        assert all(a.end <= b.first for a, b in itertools.pairwise(index))


def test_an_index_travels() -> None:
    index = [Stretch(32, 34, 0, 0), Stretch(600, 601, 1, 7), Stretch(ARENA, ARENA + 4, 0, 2)]
    places = Places(RAM, COMMITTED)
    assert delta.unpack_index(delta.pack_index(index), places, [6, 8]) == index


FORGED_RUNS = {
    "page tables of boot": [(1, 2)],
    "the ring-0 stack": [(abi.KERNEL_STACK // abi.PAGE, abi.KERNEL_STACK // abi.PAGE + 1)],
    "page tables of the host": [(abi.TABLES_BASE // abi.PAGE, abi.TABLES_BASE // abi.PAGE + 1)],
    "the mailbox": [(abi.SHARED_BASE // abi.PAGE, abi.SHARED_BASE // abi.PAGE + 1)],
    "over the end of a segment": [(60, 65)],
    "over two segments": [(60, 600)],
    "an arena that is not there": [(delta.arena_page(2, 0), delta.arena_page(2, 1))],
    "beyond an arena": [(ARENA + 3, ARENA + 5)],
    "no arena": [(delta.arena_page(abi.ARENA_COUNT, 0), delta.arena_page(abi.ARENA_COUNT, 1))],
    "a huge count": [(ARENA, 0xFFFF_FFFF)],
    "empty": [(40, 40)],
    "backwards": [(41, 40)],
    "not in order": [(50, 51), (40, 41)],
    "twice": [(40, 42), (41, 43)],
}


@pytest.mark.parametrize("runs", FORGED_RUNS.values(), ids=FORGED_RUNS)
def test_forged_pages_are_refused(runs: list[tuple[int, int]]) -> None:
    places = Places(RAM, COMMITTED)
    with pytest.raises(ProtocolViolation):
        delta.unpack_runs(delta.pack_runs(runs), places)
    forged = b"".join(struct.pack("<4I", first, end, 0, 0) for first, end in runs)
    with pytest.raises(ProtocolViolation):
        delta.unpack_index(forged, places, [0xFFFF_FFFF])


@pytest.mark.parametrize("data", [b"1", b"1" * 12, bytes(8 * ((1 << 17) + 1))], ids=len)
def test_what_is_no_list_of_pages_is_refused(data: bytes) -> None:
    places = Places(RAM, COMMITTED)
    with pytest.raises(ProtocolViolation):
        delta.unpack_runs(data, places)


@pytest.mark.parametrize("stretch", [(40, 42, 0, 5), (40, 41, 1, 0), (40, 41, 0, 0xFFFF_FFFF)])
def test_an_index_into_no_piece_is_refused(stretch: tuple[int, int, int, int]) -> None:
    forged = struct.pack("<4I", *stretch)
    with pytest.raises(ProtocolViolation):
        delta.unpack_index(forged, Places(RAM, COMMITTED), [6])


# --- what a worker sends at a commit ----------------------------------------------------------


class _State(msgspec.Struct):
    arenas: ArenaRecords
    ram: tuple[tuple[int, int], ...]
    extents: tuple[tuple[int, int], ...] = ()


@pytest.fixture
def runtime() -> Snapshot:
    packed = msgspec.msgpack.encode(_State(ArenaRecords(COMMITTED), RAM))
    return Snapshot("runtime", memfd.of_bytes(b"", "runtime"), packed)


def kept(runs: list[tuple[int, int]], **changes: object) -> Kept:
    state = DeltaState(Registers(), bytes(XSAVE_SIZE), COMMITTED, (), 0)
    return Kept(msgspec.structs.replace(state, **changes), delta.pack_runs(runs))


def piece(*pages: bytes) -> int:
    return memfd.of_bytes(b"".join(page.ljust(abi.PAGE, b".") for page in pages), "piece")


def commit(parent: Snapshot | SessionState, sent: Kept, fd: int, **options: bool) -> SessionState:
    full = options.get("full", False)
    return session_state.after(parent, sent, fd, (), full=full, more=MORE)


def test_a_chain_of_commits(runtime: Snapshot) -> None:
    first = commit(runtime, kept([(40, 42), (ARENA, ARENA + 1)]), piece(b"a", b"b", b"c"))
    second = commit(first, kept([(41, 42), (50, 51)]), piece(b"d", b"e"))
    assert (first.pages, second.pages, second.changed) == (3, 4, 2)
    where = {number: (s.piece, s.slot) for s in second.index for number in range(s.first, s.end)}
    assert where == {40: (0, 0), 41: (1, 0), 50: (1, 1), ARENA: (0, 2)}
    third = commit(second, kept([(40, 42), (50, 51), (ARENA, ARENA + 1)]), piece(*[b"x"] * 4))
    assert len(third.pieces) == 1  # nothing of the earlier ones is seen
    message, files = second.adopt()
    assert (message.pieces, len(files)) == (2, 2)


def test_a_full_commit_stands_alone(runtime: Snapshot) -> None:
    state: Snapshot | SessionState = runtime
    number = 0
    while not session_state.wants_all(state):
        state = commit(state, kept([(512 + number, 514 + number)]), piece(b"a", b"b"))
        number += 1
    assert number > 8
    full = commit(state, kept([(512, 514 + number)]), piece(*[b"a"] * (2 + number)), full=True)
    assert len(full.pieces) == 1
    assert not session_state.wants_all(full)


def _unsealed() -> int:
    fd = memfd.create("piece")
    os.ftruncate(fd, abi.PAGE)
    return fd


FORGED_PIECES = {
    "unsealed": _unsealed,
    "short": lambda: memfd.of_bytes(b"x", "piece"),
    "empty": lambda: memfd.of_bytes(b"", "piece"),
    "long": lambda: piece(b"a", b"b"),
    "no memory file": lambda: os.open(os.devnull, os.O_RDWR),
}
FORGED_STATES = {
    "xsave": {"xsave": b""},
    "shrunk arena": {"committed": (0,) * abi.ARENA_COUNT},
    "odd arena": {"committed": (1, *COMMITTED[1:])},
    "arenas over the limit": {"committed": (2 << 20, *COMMITTED[1:])},
    "huge arena": {"committed": (1 << 63, *COMMITTED[1:])},
    "too few arenas": {"committed": COMMITTED[1:]},
    "negative ring": {"ring_position": -1},
    "endless ring": {"ring_position": 1 << 63},
    "layers of nobody": {"layers": (0,)},
    "I/O for ring 3": {"registers": Registers(rflags=0x3002)},
    "single steps": {"registers": Registers(rflags=0x102)},
    "virtual 8086": {"registers": Registers(rflags=0x20002)},
    "negative register": {"registers": Registers(rip=-1)},
    "wide register": {"registers": Registers(rsp=1 << 64)},
}


@pytest.mark.parametrize("name", FORGED_PIECES)
def test_a_forged_piece_is_refused_and_closed(runtime: Snapshot, name: str) -> None:
    fd = FORGED_PIECES[name]()
    with pytest.raises(ProtocolViolation):
        commit(runtime, kept([(40, 41)]), fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize("name", FORGED_STATES)
def test_a_forged_state_is_refused(runtime: Snapshot, name: str) -> None:
    with pytest.raises(ProtocolViolation):
        commit(runtime, kept([(40, 41)], **FORGED_STATES[name]), piece(b"a"))


def test_an_arena_may_grow_as_the_cell_was_allowed(runtime: Snapshot) -> None:
    grown = (MORE, *COMMITTED[1:])
    state = commit(runtime, kept([(40, 41)], committed=grown), piece(b"a"))
    assert state.memory == MORE + 4 * abi.PAGE
    over = (MORE + abi.PAGE, *COMMITTED[1:])
    with pytest.raises(ProtocolViolation):
        commit(runtime, kept([(40, 41)], committed=over), piece(b"a"))


def test_what_a_session_has_neither_shrinks_nor_moves(runtime: Snapshot) -> None:
    layers = [Layer.from_bytes(bytes(5000))]
    grown = (MORE, *COMMITTED[1:])
    sent = kept([(40, 41)], committed=grown, layers=(0,))
    first = session_state.after(runtime, sent, piece(b"a"), layers, full=False, more=MORE)
    for forged in ({"committed": COMMITTED}, {"layers": (abi.HUGE,)}):
        sent = kept([(40, 41)], **({"committed": grown, "layers": (0,)} | forged))
        with pytest.raises(ProtocolViolation):
            session_state.after(first, sent, piece(b"a"), (), full=False, more=MORE)


def test_layers_are_counted_and_in_order(runtime: Snapshot) -> None:
    layers = [Layer.from_bytes(bytes(5000)), Layer.from_bytes(bytes(100))]

    def after(offsets: tuple[int, ...]) -> SessionState:
        sent = kept([(40, 41)], layers=offsets)
        return session_state.after(runtime, sent, piece(b"a"), layers, full=False, more=0)

    assert after((0, abi.HUGE)).layers == tuple(layers)
    for forged in ((abi.HUGE, 0), (0, 4096), (0, abi.LAYER_SIZE), (-4096, 0), (0,), (1, 1 << 30)):
        with pytest.raises(ProtocolViolation):
            after(forged)
    many = [layers[0]] * (delta.LAYERS_MAX + 1)
    with pytest.raises(LimitExceeded):
        session_state.after(runtime, kept([]), piece(), many, full=False, more=0)
