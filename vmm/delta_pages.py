"""The pages of a session in a VM of its runtime: put there, and found again when they changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from hypercell.vmm import abi, delta, libc, memfd
from hypercell.vmm.arenas import Arenas
from hypercell.vmm.delta import Places, Run, Stretch
from hypercell.vmm.errors import HostError
from hypercell.vmm.guest_memory import GuestMemory
from hypercell.vmm.snapshot import Snapshot, file_runs, private_runs

_VIEWS = 512  # in one call
_CHUNK = 0x1_0000  # bytes


class DeltaPages:
    """Of one VM that was forked from ``base``."""

    def __init__(self, memory: GuestMemory, arenas: Arenas, base: Snapshot) -> None:
        self._memory = memory
        self._arenas = arenas
        self._base = base
        self._index: list[Stretch] = []
        self._pieces: list[int] = []
        self._mapped: list[libc.ReadOnlyFile] = []
        self._zeros = libc.Zeros()
        self._size = memfd.size_of(base.fd)
        self._original = libc.ReadOnlyFile(base.fd, self._size)

    def warm_up(self) -> None:
        """Touch what ``collect`` will look at, while nobody waits."""
        for region in self._memory.private_regions():
            for start, end in file_runs(self._base.fd, region):
                self._original.populate(start, end)

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

    def put(self, packed: bytes, pieces: Sequence[int]) -> None:
        """Copy a session's pages into the VM, whose arenas have their size already.

        Takes the descriptors. Raises ``ProtocolViolation`` for an index that is none.
        """
        self._pieces = list(pieces)
        sizes = [memfd.size_of(fd) // abi.PAGE for fd in pieces]
        self._index = delta.unpack_index(packed, self._places(), sizes)
        views: list[memoryview] = []
        begin = next_one = (-1, 0)
        for first, end, piece, slot in sorted(self._index, key=lambda s: (s[2], s[3])):
            if (piece, slot) != next_one or len(views) >= _VIEWS:
                self._read(begin, views)
                views, begin = [], (piece, slot)
            views += [self._memory.view(gpa, size) for gpa, size in self._gpas(first, end)]
            next_one = piece, slot + end - first
        self._read(begin, views)

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
        private = list(private_runs(self._memory, pages))
        before = dict(self._put_pages())
        if full:
            written = {gpa for run in private for gpa in range(*run, abi.PAGE)}
            private += [(gpa, gpa + abi.PAGE) for gpa in before if gpa not in written]
            before = {}
        places = self._places()
        touched = {gpa // _CHUNK for gpa in before}
        private = list(self._unlike(private, touched))
        changed = [
            (number, number + 1)
            for number in self._numbers(libc.unequal(self._pairs(private, before), abi.PAGE))
            if places.hold(number, number + 1)
        ]
        runs = _joined(sorted(changed))
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

    def _put_pages(self) -> Iterator[tuple[int, int]]:
        """Yield (guest-physical address, where its original lies here) of what was put."""
        if not self._mapped:
            self._mapped = [libc.ReadOnlyFile(fd, memfd.size_of(fd)) for fd in self._pieces]
        for first, end, piece, slot in self._index:
            address = self._mapped[piece].address + slot * abi.PAGE
            for gpa, size in self._gpas(first, end):
                yield from zip(
                    range(gpa, gpa + size, abi.PAGE),
                    range(address, address + size, abi.PAGE),
                    strict=True,
                )
                address += size

    def _unlike(self, runs: Iterable[Run], touched: set[int]) -> Iterator[Run]:
        """Leave out what is like the runtime, in large pieces: a VM may have copies of all of it.

        ``touched``: the pieces that were something else when the VM began.
        """
        for start, end in runs:
            first, last = -(-start // _CHUNK), min(end, self._size) // _CHUNK
            if first >= last:
                yield start, end
                continue
            yield start, first * _CHUNK
            shift = self._memory.host_address(start, end - start) - start
            original = self._original.address
            whole = [chunk for chunk in range(first, last) if chunk not in touched]
            pairs = [(at + shift, at + original, at) for at in (c * _CHUNK for c in whole)]
            yield from ((at, at + _CHUNK) for at in libc.unequal(pairs, _CHUNK))
            yield from ((c * _CHUNK, (c + 1) * _CHUNK) for c in range(first, last) if c in touched)
            yield last * _CHUNK, end

    def _pairs(self, runs: Iterable[Run], before: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        """Yield (where a page lies, where its original lies, guest-physical address)."""
        original, zeros, size = self._original.address, self._zeros.address, self._size
        for start, end in runs:
            shift = self._memory.host_address(start, end - start) - start
            for gpa in range(start, end, abi.PAGE):
                other = before.get(gpa) or (original + gpa if gpa < size else zeros)
                yield gpa + shift, other, gpa

    def _gpas(self, first: int, end: int) -> Iterator[Run]:
        """Yield (guest-physical address, bytes) for a run of pages."""
        arena, page = delta.place_of(first)
        if arena < 0:
            yield first * abi.PAGE, (end - first) * abi.PAGE
        else:
            for gpa, size in self._arenas.stretches(arena, page, page + end - first):
                yield from self._memory.parts(gpa, size)

    def _numbers(self, gpas: Iterable[int]) -> Iterator[int]:
        """The numbers of pages; what is no arena's is left out."""
        for gpa in gpas:
            if gpa < abi.RAM_SIZE:
                yield gpa // abi.PAGE
            elif gpa >= abi.POOL_BASE and (owner := self._arenas.owner(gpa)) is not None:
                yield delta.arena_page(*owner)


def _joined(runs: Iterable[Run]) -> list[Run]:
    joined: list[Run] = []
    for first, end in runs:
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined


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
