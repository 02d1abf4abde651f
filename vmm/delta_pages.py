"""The pages of a session in a VM of its runtime: put there, and found again when they changed."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from hypercell.vmm import abi, delta, libc, memfd
from hypercell.vmm.arenas import Arenas
from hypercell.vmm.delta import Places
from hypercell.vmm.errors import HostError
from hypercell.vmm.guest_memory import GuestMemory, Region
from hypercell.vmm.runs import Run, merged, overlap, without
from hypercell.vmm.snapshot import Snapshot

_VIEWS = 512  # in one call
_CHUNK = 0x1_0000  # bytes
# Pages of a unit: to look through all of it takes less than as many faults. Cells read more pages
# than they write.
HOT: Final = 4
_DENSE = 12


class Span(NamedTuple):
    """Guest-physical memory that a piece holds, from ``slot`` on; ``size`` in bytes."""

    gpa: int
    size: int
    piece: int
    slot: int

    def part(self, start: int, end: int) -> Span:
        """What of it lies between two guest-physical addresses."""
        return Span(start, end - start, self.piece, self.slot + (start - self.gpa) // abi.PAGE)


class DeltaPages:
    """Of one VM that was forked from ``base``."""

    def __init__(self, memory: GuestMemory, arenas: Arenas, base: Snapshot) -> None:
        self._memory = memory
        self._arenas = arenas
        self._base = base
        self._spans: list[Span] = []
        self._pieces: list[int] = []
        self._mapped: list[libc.ReadOnlyFile] = []
        self._size = memfd.size_of(base.fd)
        self._original = libc.ReadOnlyFile(base.fd, self._size)
        try:
            self._zeros = libc.Zeros(_CHUNK)
        except BaseException:
            self._original.close()
            raise

    def get_ready(self, *, gather: bool) -> None:
        """Touch what ``collect`` will look at, while nobody waits.

        ``gather``: have the snapshot's file in huge pages, which all its VMs share.
        """
        for start, end in self._base.state.extents:
            if gather and end <= self._size:
                self._original.gather(start, end)
            self._original.populate(start, min(end, self._size))

    def close(self) -> None:
        """Close and unmap the files."""
        for fd in self._pieces:
            os.close(fd)
        for file in self._mapped:
            file.close()
        self._pieces, self._mapped = [], []
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
        for first, end, piece, slot in sorted(index, key=lambda s: (s.piece, s.slot)):
            for gpa, size in self._gpas(first, end):
                self._spans.append(Span(gpa, size, piece, slot))
                slot += size // abi.PAGE
        wanted = self._spans
        if memory is not None:
            units = self._units(hot)
            present = without(units, self._memory.share(memory, units))
            wanted = [
                span.part(*run) for span in self._spans for run in without([_run(span)], present)
            ]
        views: list[memoryview] = []
        begin = next_one = (-1, 0)
        for gpa, size, piece, slot in wanted:
            if (piece, slot) != next_one or len(views) >= _VIEWS:
                self._read(begin, views)
                views, begin = [], (piece, slot)
            next_one = piece, slot + size // abi.PAGE
            views.append(self._memory.view(gpa, size))
        self._read(begin, views)

    def places(self) -> list[int]:
        """Guest addresses: one in each unit of the memory file, and the session's other pages."""
        gpas = [unit for run in self._memory.shared_units for unit, _ in _cut(*run, abi.HUGE)]
        for span in self._spans:
            for start, end in without([_run(span)], self._memory.shared_units):
                gpas += range(start, end, abi.PAGE)
        return [gva for gpa in gpas if (gva := self._arenas.address(gpa)) is not None]

    def _units(self, hot: Sequence[Run]) -> list[Run]:
        """The 2 MiB units for a memory file: those that cells write much of, ``hot``, those of
        which the session has many pages, stack and heap; none with a page of the host's.

        Whoever has the file can write to all of it: no guest may do more in one unit.
        """
        pages: Counter[int] = Counter()
        for span in self._spans:
            for start, end in _cut(span.gpa, span.gpa + span.size, abi.HUGE):
                pages[_floor(start)] += (end - start) // abi.PAGE
        dense = [(unit, unit + abi.HUGE) for unit, count in pages.items() if count >= _DENSE]
        places = []
        for first, end in self._base.state.ram:
            start, stop = -_floor(-first * abi.PAGE), _floor(end * abi.PAGE)
            places += [(start, stop)] if start < stop else []
        ram = overlap(self._base.state.extents, places)
        places.append((abi.POOL_BASE, self._memory.pool_end))
        return overlap(merged([*hot, *dense, *ram]), places)

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
        places = self._places()
        before = [] if full else sorted(self._spans)
        changed = [
            (number, number + 1)
            for number in self._numbers(self._unlike(pages, before))
            if places.hold(number, number + 1)
        ]
        runs = merged(changed)
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

    def _unlike(self, pages: libc.PageMap, before: Sequence[Span]) -> Iterator[int]:
        """Yield the guest-physical addresses of pages that are not what they were.

        In large steps first: a VM may have copies of all there is.
        """
        for region in self._memory.private_regions():
            shift = region.address - region.gpa
            steps = list(self._steps(self._written(region, pages), before))
            addresses = [gpa + shift for gpa, _, _ in steps]
            originals = [original for _, _, original in steps]
            differ = libc.unequal(addresses, originals, [size for _, size, _ in steps])
            found = [
                (gpa + offset, original + offset)
                for gpa, size, original in map(steps.__getitem__, differ)
                for offset in range(0, size, abi.PAGE)
            ]
            addresses = [gpa + shift for gpa, _ in found]
            originals = [original for _, original in found]
            for at in libc.unequal(addresses, originals, itertools.repeat(abi.PAGE)):
                yield found[at][0]

    def _written(self, region: Region, pages: libc.PageMap) -> list[Run]:
        """Guest-physical stretches that the VM may have written: its own pages, and the units of
        the memory file.
        """
        shift = region.address - region.gpa
        private = pages.private(region.address, region.size)
        shared = overlap([(region.gpa, region.gpa + region.size)], self._memory.shared_units)
        return merged([*((start - shift, end - shift) for start, end in private), *shared])

    def _steps(
        self, written: Sequence[Run], before: Sequence[Span]
    ) -> Iterator[tuple[int, int, int]]:
        """Cut stretches where their originals lie apart: (gpa, bytes, address of the original)."""
        if not self._mapped:
            self._mapped = [libc.ReadOnlyFile(fd, memfd.size_of(fd)) for fd in self._pieces]
        put = [_run(span) for span in before]
        base, size = self._original.address, self._size
        for start, end in without(written, put):
            limits = (start, size, end) if start < size < end else (start, end)
            for low, high in itertools.pairwise(limits):
                for gpa, stop in _cut(low, high, _CHUNK):
                    yield gpa, stop - gpa, base + gpa if gpa < size else self._zeros.address
        at = 0
        for start, end in overlap(put, written):
            while put[at][1] <= start:
                at += 1
            span = before[at]
            file = self._mapped[span.piece].address + span.slot * abi.PAGE
            yield start, end - start, file + start - span.gpa

    def _gpas(self, first: int, end: int) -> list[Run]:
        """(guest-physical address, bytes) for a run of pages, cut where it lies apart."""
        arena, page = delta.place_of(first)
        last = page + end - first
        if arena < 0:
            return [(first * abi.PAGE, (end - first) * abi.PAGE)]
        gpa = self._arenas.in_one_block(arena, page, last)
        if gpa is not None:
            return [(gpa, (end - first) * abi.PAGE)]
        return [
            part
            for stretch in self._arenas.stretches(arena, page, last)
            for part in self._memory.parts(*stretch)
        ]

    def _numbers(self, gpas: Iterable[int]) -> Iterator[int]:
        """The numbers of pages; what is no arena's is left out."""
        for gpa in gpas:
            if gpa < abi.RAM_SIZE:
                yield gpa // abi.PAGE
            elif gpa >= abi.POOL_BASE and (owner := self._arenas.owner(gpa)) is not None:
                yield delta.arena_page(*owner)


def _floor(gpa: int) -> int:
    """The 2 MiB boundary at or below an address."""
    return gpa // abi.HUGE * abi.HUGE


def _cut(start: int, end: int, step: int) -> Iterator[Run]:
    """A stretch in parts that end at multiples of ``step``."""
    while start < end:
        stop = min(start // step * step + step, end)
        yield start, stop
        start = stop


def _run(span: Span) -> Run:
    return span.gpa, span.gpa + span.size


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
