"""The pages of a session in a VM of its runtime: put there, and found again when they changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from hypercell.vmm import abi, delta, libc, memfd
from hypercell.vmm.arenas import Arenas
from hypercell.vmm.delta import Places, Stretch
from hypercell.vmm.errors import HostError
from hypercell.vmm.guest_memory import GuestMemory
from hypercell.vmm.runs import Run, merged
from hypercell.vmm.snapshot import Snapshot, file_runs

_VIEWS = 512  # in one call
_CHUNK = 0x1_0000  # bytes


class DeltaPages:
    """Of one VM that was forked from ``base``."""

    def __init__(self, memory: GuestMemory, arenas: Arenas, base: Snapshot) -> None:
        self._memory = memory
        self._arenas = arenas
        self._base = base
        self._index: list[Stretch] = []
        self._placed: list[tuple[int, int, int, int]] = []  # address, bytes, piece, slot
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
            next_one = piece, slot + end - first
            for gpa, size in self._gpas(first, end):
                views.append(self._memory.view(gpa, size))
                self._placed.append((gpa, size, piece, slot))
                slot += size // abi.PAGE
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
        before = dict(self._put_pages())
        written = list(self._written(pages))
        if full:  # also what was put and not written since
            private = {
                gpa
                for at, end, shift in written
                for gpa in range(at + shift, end + shift, abi.PAGE)
            }
            for gpa in before.keys() - private:
                at = self._memory.host_address(gpa, abi.PAGE)
                written.append((at, at + abi.PAGE, gpa - at))
            before = {}
        places = self._places()
        changed = [
            (number, number + 1)
            for number in self._numbers(self._unlike(written, before))
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

    def _put_pages(self) -> Iterator[tuple[int, int]]:
        """Yield (guest-physical address, where its original lies here) of what was put."""
        if not self._mapped:
            self._mapped = [libc.ReadOnlyFile(fd, memfd.size_of(fd)) for fd in self._pieces]
        for gpa, size, piece, slot in self._placed:
            address = self._mapped[piece].address + slot * abi.PAGE
            for offset in range(0, size, abi.PAGE):
                yield gpa + offset, address + offset

    def _written(self, pages: libc.PageMap) -> Iterator[tuple[int, int, int]]:
        """Yield stretches (address, end, guest-physical minus host address) that the VM wrote."""
        for region in self._memory.private_regions():
            shift = region.gpa - region.address
            for start, end in pages.private(region.address, region.size):
                yield start, end, shift

    def _unlike(self, written: Iterable[tuple[int, int, int]], before: dict[int, int]) -> list[int]:
        """The guest-physical addresses of pages that are not what they were.

        Long stretches are compared in large pieces first: a VM may have copies of all there is.
        """
        original, size = self._original.address, self._size
        touched = {gpa // _CHUNK for gpa in before}
        chunks: list[tuple[int, int, int]] = []
        addresses: list[int] = []
        gpas: list[int] = []
        for start, end, shift in written:
            gpa, stop = start + shift, end + shift
            first, last = -(-gpa // _CHUNK) * _CHUNK, min(stop, size) // _CHUNK * _CHUNK
            if first < last:
                for at in range(first, last, _CHUNK):
                    if at // _CHUNK in touched:
                        gpas += range(at, at + _CHUNK, abi.PAGE)
                        addresses += range(at - shift, at - shift + _CHUNK, abi.PAGE)
                    else:
                        chunks.append((at - shift, original + at, at))
                gpas += range(gpa, first, abi.PAGE)
                addresses += range(start, first - shift, abi.PAGE)
                gpa = last
            gpas += range(gpa, stop, abi.PAGE)
            addresses += range(gpa - shift, end, abi.PAGE)
        columns = ([chunk[column] for chunk in chunks] for column in range(3))
        for at in libc.unequal(_CHUNK, *columns):
            address = self._memory.host_address(at, _CHUNK)
            gpas += range(at, at + _CHUNK, abi.PAGE)
            addresses += range(address, address + _CHUNK, abi.PAGE)
        known, zeros = before.get, self._zeros.address
        others = [known(gpa) or (original + gpa if gpa < size else zeros) for gpa in gpas]
        return libc.unequal(abi.PAGE, addresses, others, gpas)

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
