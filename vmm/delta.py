"""A session's memory as a delta over its runtime snapshot: numbered pages, registers, few numbers.

A page's number means the same in every VM of the runtime: page ``n`` of RAM is ``n``, page ``p`` of
arena ``a`` is ``(a + 1) << 20 | p``. Page tables have no numbers: each VM's host writes its own.

The pages lie in **pieces**, sealed memory files that each hold what one commit found changed. An
index of stretches says which page is where. Both come from processes that are taken for hostile.
"""

from __future__ import annotations

import array
import bisect
import operator
import sys
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from hypercell.vmm import abi
from hypercell.vmm.cpu_state import XSAVE_SIZE, Registers
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.runs import Run

PIECES_MAX: Final = 64
LAYERS_MAX: Final = 100
_ARENA_PAGES = abi.ARENA_LIMIT // abi.PAGE
_RUNS_MAX = 1 << 17
_U64 = 1 << 64
# Carry, parity, adjust, zero, sign, direction, overflow; bit 1 is always set.
_FLAGS = 0xCD5 | 2
_KVM_FLAGS = 1 << 9 | 1 << 16  # interrupt and resume flag: no effect on a guest without interrupts


class DeltaState(msgspec.Struct, frozen=True):
    """All of a delta but its pages. ``committed``: bytes of each arena; ``layers``: where in the
    window they lie.
    """

    registers: Registers
    xsave: bytes
    committed: tuple[int, ...]
    layers: tuple[int, ...]
    ring_position: int


class Stretch(NamedTuple):
    """Pages ``first`` to ``end - 1`` lie in a piece, one after the other from ``slot`` on."""

    first: int
    end: int
    piece: int
    slot: int


def arena_page(arena: int, page: int) -> int:
    """The number of a page of an arena."""
    return (arena + 1) * _ARENA_PAGES + page


def place_of(number: int) -> tuple[int, int]:
    """(arena, page) of a page's number; arena -1 is RAM."""
    arena, page = divmod(number, _ARENA_PAGES)
    return arena - 1, page


def check_state(state: DeltaState, base: Sequence[int], layers: Sequence[int], most: int) -> None:
    """Raise ``ProtocolViolation`` for a number out of range.

    ``base``: bytes of each arena before; ``layers``: sizes of all layers;
    ``most``: bytes that all arenas may have together.
    """
    registers = msgspec.structs.astuple(state.registers)
    committed = state.committed
    window = 0
    for offset, size in zip(state.layers, layers, strict=False):
        if offset < window or offset % abi.PAGE or size <= 0:
            raise ProtocolViolation("the layers of a session's state are not in order")
        window = offset + size
    sound = (
        all(0 <= value < _U64 for value in registers)
        and not state.registers.rflags & ~(_FLAGS | _KVM_FLAGS)
        and len(state.xsave) == XSAVE_SIZE
        and len(committed) == len(base) == abi.ARENA_COUNT
        and all(
            old <= new <= abi.ARENA_LIMIT and new % abi.PAGE == 0
            for old, new in zip(base, committed, strict=True)
        )
        and sum(committed) <= most
        and 0 <= state.ring_position < 1 << 63
        and window <= abi.LAYER_SIZE
        and len(state.layers) == len(layers) <= LAYERS_MAX
    )
    if not sound:
        raise ProtocolViolation("the state of a session has a number out of range")


class Places:
    """Which pages a session may have: what ring 3 can write in RAM, and its arenas; in order."""

    def __init__(self, ram: Sequence[Run], committed: Sequence[int]) -> None:
        runs = [*ram]
        for arena, size in enumerate(committed):
            if size:
                runs.append((arena_page(arena, 0), arena_page(arena, size // abi.PAGE)))
        self.runs = runs

    def check(self, firsts: Sequence[int], ends: Sequence[int]) -> None:
        """Raise ``ProtocolViolation`` unless runs are in order, apart, and all among them."""
        inside = 0
        if all(map(operator.lt, firsts, ends)) and all(map(operator.le, ends, firsts[1:])):
            for start, end in self.runs:
                low = bisect.bisect_left(firsts, start)
                high = bisect.bisect_left(firsts, end, low)
                if high > low and ends[high - 1] <= end:
                    inside += high - low
        if inside != len(firsts):
            raise ProtocolViolation("pages that are not a session's, or not in order")


def _pack(numbers: Iterable[int]) -> bytes:
    packed = array.array("I", numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _unpack(data: bytes, width: int) -> list[int]:
    if len(data) % (4 * width) or len(data) > 4 * width * _RUNS_MAX:
        raise ProtocolViolation(f"{len(data)} bytes are no list of pages")
    numbers = array.array("I")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def pack_runs(runs: Sequence[Run]) -> bytes:
    """Runs as they travel."""
    return _pack(number for run in runs for number in run)


def unpack_runs(data: bytes, places: Places) -> list[Run]:
    """The runs that travelled, in order and each within ``places``. ProtocolViolation."""
    numbers = _unpack(data, 2)
    firsts, ends = numbers[::2], numbers[1::2]
    places.check(firsts, ends)
    return list(zip(firsts, ends, strict=True))


def pack_index(index: Sequence[Stretch]) -> bytes:
    """An index as it travels."""
    return _pack(number for stretch in index for number in stretch)


def unpack_index(data: bytes, places: Places, sizes: Sequence[int]) -> list[Stretch]:
    """The index that travelled; ``sizes``: pages of each piece. ProtocolViolation."""
    numbers = _unpack(data, 4)
    firsts, ends, pieces, slots = (numbers[at::4] for at in range(4))
    places.check(firsts, ends)
    index = list(map(Stretch, firsts, ends, pieces, slots))
    if any(p >= len(sizes) or slot + end - first > sizes[p] for first, end, p, slot in index):
        raise ProtocolViolation("pages of a session's state are in no piece")
    return index


def page_count(runs: Iterable[Run] | Iterable[Stretch]) -> int:
    """How many pages."""
    return sum(run[1] - run[0] for run in runs)


def stretches(runs: Sequence[Run], piece: int) -> list[Stretch]:
    """The index of one piece that holds ``runs`` one after the other."""
    index = []
    slot = 0
    for first, end in runs:
        index.append(Stretch(first, end, piece, slot))
        slot += end - first
    return index


def overlay(old: Sequence[Stretch], new: Sequence[Stretch]) -> list[Stretch]:
    """``new`` over ``old``, both in order: what of the old is still seen, and all of the new."""
    result: list[Stretch] = []
    at = 0
    for stretch in old:
        first = stretch.first
        while at < len(new) and new[at].end <= first:
            at += 1
        covering = at
        while covering < len(new) and new[covering].first < stretch.end:
            if first < new[covering].first:
                result.append(_part(stretch, first, new[covering].first))
            first = max(first, new[covering].end)
            covering += 1
        if first == stretch.first:
            result.append(stretch)
        elif first < stretch.end:
            result.append(_part(stretch, first, stretch.end))
    result += new
    result.sort()
    return result


def _part(stretch: Stretch, first: int, end: int) -> Stretch:
    return Stretch(first, end, stretch.piece, stretch.slot + first - stretch.first)
