"""The pages of a session in a VM of its runtime: put there, and found again when they changed."""

from __future__ import annotations

import bisect
import operator
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hypercell.vmm import abi, delta, libc, memfd
from hypercell.vmm.arenas import Arenas
from hypercell.vmm.delta import Places
from hypercell.vmm.errors import HostError, ProtocolViolation
from hypercell.vmm.guest_memory import GuestMemory, Region
from hypercell.vmm.runs import Run, merged, overlap, without
from hypercell.vmm.snapshot import Snapshot

_VIEWS = 512  # in one call
# Bytes compared in one step: first, then of what differs. So pages are kept by four: one by one
# there would be twice as many stretches, and each costs this worker, the kernel process and all
# later workers more than the copy of pages that did not change.
_MOST: Final = (0x4_0000, 4 * abi.PAGE)
# Written pages of a unit, for it to be in the memory file: a private copy of one page splits the
# mapping, and each other page read there is a fault. A unit that is not written to costs nothing.
HOT: Final = 1
_DENSE = 12
# An earlier piece of which no more pages are seen is left: where they may have changed, they are
# kept anew without a look. Each commit leaves some 35 pages behind in the piece before it, and
# to map that many pieces would take as long as to compare memory. To keep all anew would cost each
# commit what this saves.
_FEW = 64
_UNIT_PAGES = abi.HUGE // abi.PAGE
_END = operator.itemgetter(1)


Step = tuple[int, int, int]  # guest-physical address, bytes, where the original lies here
Put = tuple[int, int, int, int]  # guest-physical start and end, the piece, its page there
Span = tuple[int, int, int, int]  # a piece, its page there, guest-physical address, bytes


class DeltaPages:
    """Of one VM that was forked from ``base``."""

    def __init__(self, memory: GuestMemory, arenas: Arenas, base: Snapshot) -> None:
        self._memory = memory
        self._arenas = arenas
        self._base = base
        self._spans: list[Span] = []
        self._pieces: list[int] = []
        self._mapped: dict[int, libc.ReadOnlyFile] = {}  # by the number of the piece
        self._size = memfd.size_of(base.fd)
        self._original = libc.ReadOnlyFile(base.fd, self._size)
        try:
            self._zeros = libc.Zeros()
        except BaseException:
            self._original.close()
            raise

    def get_ready(self) -> None:
        """Have the snapshot's file in huge pages, which all its VMs share, and mapped here."""
        for start, end in self._base.state.extents:
            if end <= self._size:
                self._original.gather(start, end)
            self._original.populate(start, min(end, self._size))

    def close(self) -> None:
        """Close and unmap the files."""
        for fd in self._pieces:
            os.close(fd)
        for file in self._mapped.values():
            file.close()
        self._pieces, self._mapped = [], {}
        self._original.close()
        self._zeros.close()

    def _places(self) -> Places:
        return Places(self._base.state.ram, self._arenas.sizes)

    def take(self, pieces: Sequence[int]) -> None:
        """Own the descriptors of a session's pieces from now on."""
        self._pieces = list(pieces)

    def put(self, packed: bytes, memory: int | None, hot: Sequence[Run]) -> None:
        """Put a session's pages into the VM, whose arenas have their size already.

        ``memory``: the session's memory file, if it goes from VM to VM; of the units that it has,
        all pages are as they should be. ``hot``: units that belong there. Raises
        ``ProtocolViolation`` for an index that is none.
        """
        sizes = [memfd.size_of(fd) // abi.PAGE for fd in self._pieces]
        index = delta.unpack_index(packed, self._places(), sizes)
        for first, end, piece, slot in index:
            for gpa, size in self._gpas(first, end):
                self._spans.append((piece, slot, gpa, size))
                slot += size // abi.PAGE
        self._spans.sort()
        present = set() if memory is None else self._share(memory, hot)
        views: list[memoryview] = []
        begin = next_one = (-1, 0)
        for piece, slot, gpa, size in self._spans:
            if gpa // abi.HUGE in present:
                continue
            if (piece, slot) != next_one or len(views) >= _VIEWS:
                self._read(begin, views)
                views, begin = [], (piece, slot)
            next_one = piece, slot + size // abi.PAGE
            views.append(self._memory.view(gpa, size))
        self._read(begin, views)

    def _share(self, memory: int, hot: Sequence[Run]) -> set[int]:
        """Map the session's memory file; which units have the session's pages already.

        A unit lies in it at its number, wherever in guest-physical memory this VM has it. What
        the file has is always mapped: it would be old the next time.
        """
        allowed = self._allowed()
        numbers = {
            number
            for start, end in memfd.data(memory)
            for number in range(start // abi.HUGE, -(-end // abi.HUGE))
        }
        gpas = [gpa for number in numbers if (gpa := self._arenas.gpa(number)) is not None]
        present = _numbers(overlap(merged([(gpa, gpa + abi.HUGE) for gpa in gpas]), allowed))
        units = present | _numbers(overlap(self._units(hot), allowed))
        places = [
            (unit, number)
            for unit in sorted(units)
            if (number := self._arenas.number(unit * abi.HUGE)) is not None
        ]
        for first, number, count in _rows(places):
            size, offset = count * abi.HUGE, number * abi.HUGE
            self._memory.share(memory, first * abi.HUGE, size, offset)
        written = self._written_last()
        for unit, _ in places:
            if unit not in present:
                self._memory.restore_shared(unit * abi.HUGE)
            if unit not in written:
                self._arenas.expect_writes(unit * abi.HUGE)
        return present

    def places(self) -> list[int]:
        """Guest addresses: one in each unit of the memory file, and what else changed last.

        With ``abi.TOUCH_WRITE`` where the last cell wrote.
        """
        units = _numbers(self._memory.shared_units)
        written = self._written_last()
        places = {unit * abi.HUGE: abi.TOUCH_WRITE * (unit in written) for unit in sorted(units)}
        for piece, _, gpa, size in self._spans:
            if piece == len(self._pieces) - 1 and gpa // abi.HUGE not in units:
                places |= dict.fromkeys(range(gpa, gpa + size, abi.PAGE), abi.TOUCH_WRITE)
        address = self._arenas.address
        return [gva | how for gpa, how in places.items() if (gva := address(gpa)) is not None]

    def _written_last(self) -> set[int]:
        """The units that the last cell wrote to; the next one will, too."""
        last = len(self._pieces) - 1
        return {gpa // abi.HUGE for piece, _, gpa, _ in self._spans if piece == last}

    def _units(self, hot: Sequence[Run]) -> list[Run]:
        """The 2 MiB units for a memory file: those that cells write to, ``hot``, those of which
        the session has many pages, stack and heap.
        """
        pages: Counter[int] = Counter()
        for _, _, gpa, size in self._spans:
            pages[_floor(gpa)] += size // abi.PAGE
        dense = [(unit, unit + abi.HUGE) for unit, count in pages.items() if count >= _DENSE]
        ram = overlap(self._base.state.extents, self._allowed()[:-1])
        return merged([*hot, *dense, *ram])

    def _allowed(self) -> list[Run]:
        """Where no page is the host's: RAM and, at the end, the pool.

        Whoever has the file can write to all of it: no guest may do more in one unit.
        """
        places = []
        for first, end in self._base.state.ram:
            start, stop = -_floor(-first * abi.PAGE), _floor(end * abi.PAGE)
            places += [(start, stop)] if start < stop else []
        return [*places, (abi.POOL_BASE, self._memory.pool_end)]

    def _read(self, begin: tuple[int, int], views: list[memoryview]) -> None:
        """Read neighbours in a piece in few calls."""
        piece, slot = begin
        offset = slot * abi.PAGE
        while views:
            count = os.preadv(self._pieces[piece], views[:_VIEWS], offset)
            if not count:
                raise HostError("a piece of a session's state ends early")
            offset += count
            views = _rest(views, count)

    def collect(self, pages: libc.PageMap, *, full: bool) -> tuple[int, list[Run]]:
        """Copy the pages that changed to a sealed piece: (descriptor, which they are).

        ``full``: all that differ from the runtime snapshot, else from what was ``put``.
        """
        spans = [] if full else self._spans
        before = sorted((gpa, gpa + size, piece, slot) for piece, slot, gpa, size in spans)
        changed = merged(self._unlike(pages, before, full=full))
        runs = overlap(merged(self._page_numbers(changed)), self._places().runs)
        fd = memfd.create("piece")
        try:
            views = [self._memory.view(*gpas) for run in runs for gpas in self._gpas(*run)]
            offset = 0
            while views:
                count = os.pwritev(fd, views[:_VIEWS], offset)
                offset += count
                views = _rest(views, count)
            memfd.seal(fd)
        except BaseException:
            os.close(fd)
            raise
        return fd, runs

    def _original_of(self, piece: int) -> int:
        """Where a piece lies here: mapped when it is wanted, since most of them are not."""
        if (file := self._mapped.get(piece)) is None:
            fd = self._pieces[piece]
            size = memfd.size_of(fd)
            file = self._mapped[piece] = libc.ReadOnlyFile(fd, size)
            file.populate(0, size)  # all at once: a fault for each costs more
        return file.address

    def _unlike(self, pages: libc.PageMap, put: Sequence[Put], *, full: bool) -> Iterator[Run]:
        """Yield the guest-physical stretches of pages that are not what they were.

        In large steps first: a VM may have copies of all there is, and most of it did not change.
        """
        units = sorted(self._memory.shared_units)
        shared = [unit for unit in units if full or self._arenas.written(unit[0])]
        seen: Counter[int] = Counter()
        for start, end, piece, _ in put:
            seen[piece] += (end - start) // abi.PAGE
        last = len(self._pieces) - 1
        few = {piece for piece, count in seen.items() if piece != last and count <= _FEW}
        for region in self._memory.private_regions():
            shift = region.address - region.gpa
            written = self._written(region, pages, shared)
            moved = overlap([(start, end) for start, end, piece, _ in put if piece in few], written)
            yield from moved
            steps = self._steps(without(written, moved), put)
            for most in _MOST:
                steps = _cut(steps, most)
                addresses = [gpa + shift for gpa, _, _ in steps]
                originals = [original for _, _, original in steps]
                differ = libc.unequal(addresses, originals, [size for _, size, _ in steps])
                steps = [steps[at] for at in differ]
            for gpa, size, _ in steps:
                yield gpa, gpa + size

    def _steps(self, written: Sequence[Run], put: Sequence[Put]) -> list[Step]:
        """Cut stretches where their originals lie apart."""
        steps: list[Step] = []
        for start, end in written:
            at = bisect.bisect_right(put, start, key=_END)
            while at < len(put) and put[at][0] < end:
                first, last, piece, slot = put[at]
                if start < first:
                    self._from_snapshot(steps, start, first)
                    start = first
                stop = min(last, end)
                original = self._original_of(piece) + slot * abi.PAGE
                steps.append((start, stop - start, original + start - first))
                start = stop
                at += 1
            self._from_snapshot(steps, start, end)
        return steps

    def _from_snapshot(self, steps: list[Step], start: int, end: int) -> None:
        """Steps for a stretch whose original is the snapshot, and zeros beyond it."""
        known = max(start, min(end, self._size))
        if start < known:
            steps.append((start, known - start, self._original.address + start))
        zeros = self._zeros.address
        steps += [(gpa, abi.PAGE, zeros) for gpa in range(known, end, abi.PAGE)]

    def _written(self, region: Region, pages: libc.PageMap, shared: Sequence[Run]) -> list[Run]:
        """Guest-physical stretches that the VM may have written: its own pages, and ``shared``."""
        shift = region.address - region.gpa
        private = pages.private(region.address, region.size)
        units = overlap([(region.gpa, region.gpa + region.size)], shared)
        return merged([*((start - shift, end - shift) for start, end in private), *units])

    def _gpas(self, first: int, end: int) -> list[Run]:
        """(guest-physical address, bytes) for a run of pages, a part for each unit."""
        parts = []
        while first < end:
            unit, page = divmod(first, _UNIT_PAGES)
            count = min(end - first, _UNIT_PAGES - page)
            if (gpa := self._arenas.gpa(unit)) is None:
                raise ProtocolViolation(f"no arena has unit {unit}")
            parts.append((gpa + page * abi.PAGE, count * abi.PAGE))
            first += count
        return parts

    def _page_numbers(self, stretches: Iterable[Run]) -> Iterator[Run]:
        """The numbers of pages at guest-physical addresses; what is no arena's is left out."""
        for start, end in stretches:
            while start < end:
                stop = min(end, _floor(start) + abi.HUGE)
                if (unit := self._arenas.number(start)) is not None:
                    first = unit * _UNIT_PAGES + start % abi.HUGE // abi.PAGE
                    yield first, first + (stop - start) // abi.PAGE
                start = stop


def _cut(steps: Iterable[Step], most: int) -> list[Step]:
    """The same in steps of at most so many bytes."""
    cut = []
    for step in steps:
        gpa, size, original = step
        if size <= most:
            cut.append(step)
            continue
        for offset in range(0, size, most):
            cut.append((gpa + offset, min(most, size - offset), original + offset))
    return cut


def _floor(gpa: int) -> int:
    """The 2 MiB boundary at or below an address."""
    return gpa // abi.HUGE * abi.HUGE


def _rows(places: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(unit, number, how many) where units and their numbers go on together."""
    rows: list[tuple[int, int, int]] = []
    for unit, number in places:
        if rows and (unit, number) == (rows[-1][0] + rows[-1][2], rows[-1][1] + rows[-1][2]):
            rows[-1] = (*rows[-1][:2], rows[-1][2] + 1)
        else:
            rows.append((unit, number, 1))
    return rows


def _numbers(units: Iterable[Run]) -> set[int]:
    """The numbers of units of 2 MiB."""
    return {n for start, end in units for n in range(start // abi.HUGE, end // abi.HUGE)}


def _rest(views: list[memoryview], count: int) -> list[memoryview]:
    """What is left of views after so many bytes."""
    done = 0
    for view in views:
        if count < len(view):
            break
        count -= len(view)
        done += 1
    rest = views[done:]
    if count:
        rest[0] = rest[0][count:]
    return rest
