"""Snapshots: a sealed memory file whose offsets are guest-physical addresses, and the books."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from hypercell.vmm import abi, libc, memfd
from hypercell.vmm.arenas import UNITS, ArenaRecords
from hypercell.vmm.cpu_state import XSAVE_SIZE, Registers
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.guest_memory import GuestMemory, Region
from hypercell.vmm.page_tables import FIRST_FREE_TABLE
from hypercell.vmm.runs import Run, merged, overlap, without
from hypercell.vmm.windows import Mapped

_KNOWN = 16  # states that a process unpacks once; the zygote's workers inherit them
_MAX_EXTENTS = 1 << 15
_POPULATE_MAX = 4 << 20  # bytes
_TABLES = (abi.TABLES_BASE, abi.TABLES_BASE + abi.TABLES_SIZE)


class SnapshotState(msgspec.Struct, frozen=True):
    """All of a snapshot but its pages; it crosses processes beside the descriptor."""

    registers: Registers
    xsave: bytes
    arenas: ArenaRecords
    next_table: int
    code: tuple[Mapped, ...]
    layers: tuple[Mapped, ...]
    ring_position: int
    deferred: bool  # taken at HC_DEFERRED, else at HC_WAIT
    ram: tuple[Run, ...]  # pages of RAM that ring 3 can write, in order
    extents: tuple[Run, ...]  # 2 MiB stretches of guest-physical memory that hold data

    @classmethod
    @functools.lru_cache(maxsize=_KNOWN)
    def unpack(cls, data: bytes) -> SnapshotState:
        """The state that travelled, checked. Raises ``ProtocolViolation``."""
        try:
            state = msgspec.msgpack.decode(data, type=cls)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ProtocolViolation(f"what came with a snapshot is no state: {error}") from None
        state._check()
        return state

    def _check(self) -> None:
        """Raise ``ProtocolViolation`` for a number out of range: the sender may be hostile."""
        arenas = self.arenas
        pool_blocks = (abi.CODE_GPA - abi.POOL_BASE) // abi.HUGE
        position = 0
        for start, end in self.extents:
            if start < position or start >= end or start % abi.HUGE or end % abi.HUGE:
                raise ProtocolViolation("the extents of a snapshot are not in order")
            position = end
        page = 0
        for first, last in self.ram:
            if first < page or last <= first or last > abi.RAM_SIZE // abi.PAGE:
                raise ProtocolViolation("the writable pages of a snapshot are not in order")
            page = last
        sound = (
            len(self.xsave) == XSAVE_SIZE
            and len(arenas.committed) == abi.ARENA_COUNT
            and all(0 <= c <= abi.ARENA_LIMIT and c % abi.PAGE == 0 for c in arenas.committed)
            and 0 <= arenas.next_block <= pool_blocks
            and all(0 <= block < arenas.next_block for block in arenas.blocks.values())
            and all(0 <= unit < abi.ARENA_COUNT * UNITS for unit in arenas.blocks)
            and all(0 <= number < 1 << 64 for number in msgspec.structs.astuple(self.registers))
            and FIRST_FREE_TABLE <= self.next_table <= _TABLES[1]
            and self.next_table % abi.PAGE == 0
            and 0 <= self.ring_position < 1 << 63
            and len(self.extents) <= _MAX_EXTENTS
            and position <= abi.POOL_BASE + arenas.next_block * abi.HUGE
            and _in_window(self.code, abi.CODE_SIZE)
            and _in_window(self.layers, abi.LAYER_SIZE)
        )
        if not sound:
            raise ProtocolViolation("the state of a snapshot has a number out of range")


def _in_window(mapped: Iterable[Mapped], limit: int) -> bool:
    return all(
        m.offset >= 0 and 0 < m.size <= limit - m.offset and m.offset % abi.PAGE == 0
        for m in mapped
    )


class Snapshot:
    """A sealed memory file and its state. Owns the descriptor; ``close()`` may be called twice."""

    def __init__(self, fd: int, state: SnapshotState) -> None:
        self.fd = fd
        self.state = state

    def close(self) -> None:
        """Close the descriptor; VMs that map the file keep it. Calling it again does nothing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def file_runs(fd: int, region: Region) -> Iterator[Run]:
    """Yield the guest-physical stretches of a region for which a snapshot file has data."""
    position, end = region.gpa, min(region.gpa + region.size, memfd.size_of(fd))
    while position < end:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError:  # no data up to the end of the file
            return
        if start >= end:
            return
        position = min(os.lseek(fd, start, os.SEEK_HOLE), end)
        yield start, position


def populate(memory: GuestMemory, base: Snapshot) -> None:
    """Copy the pages of a small snapshot now: 1.5 us each, against 20 us when the guest faults."""
    small: list[Run] = []
    left = _POPULATE_MAX
    for region in memory.private_regions():
        for start, end in file_runs(base.fd, region):
            small.append((start, end))
            left -= end - start
            if left < 0:
                return
    for start, end in small:
        libc.populate(memory.host_address(start, end - start), end - start)


def private_runs(memory: GuestMemory, pages: libc.PageMap) -> Iterator[Run]:
    """Yield the guest-physical stretches that this VM wrote."""
    for region in memory.private_regions():
        yield from _written(region, pages)


def _written(region: Region, pages: libc.PageMap) -> Iterator[Run]:
    shift = region.gpa - region.address
    for start, end in pages.private(region.address, region.size):
        yield start + shift, end + shift


def copy_pages(
    memory: GuestMemory, pages: libc.PageMap, base: Snapshot | None
) -> tuple[int, list[Run]]:
    """Copy all pages that hold anything but zeros to a new memory file: (descriptor, extents)."""
    found: list[Run] = []
    for region in memory.private_regions():  # regions that touch in the guest lie apart here
        written = list(_written(region, pages))
        found += merged([*written, *(file_runs(base.fd, region) if base else ())])
    zeros = libc.Zeros()
    extents: list[Run] = []
    fd = memfd.create("snapshot")
    try:
        for start, end in found:
            address = memory.host_address(start, end - start)
            for first, last in zeros.skip(address, end - start):
                at = start + first
                memfd.write(fd, memory.view(at, last - first), at)
                extents.append(
                    (at // abi.HUGE * abi.HUGE, -(-(start + last) // abi.HUGE) * abi.HUGE)
                )
        extents = merged(extents)
        os.ftruncate(fd, extents[-1][1] if extents else 0)
    except BaseException:
        os.close(fd)
        raise
    finally:
        zeros.close()
    return fd, extents


def restore_pages(memory: GuestMemory, pages: libc.PageMap, base: Snapshot) -> int:
    """Make every page that the VM wrote the snapshot's again; return how many bytes were copied.

    The tables stay: the host alone writes them, and KVM may hold their entries.
    """
    copied = 0
    size = memfd.size_of(base.fd)
    reference = libc.ReadOnlyFile(base.fd, size)
    try:
        written = without(list(private_runs(memory, pages)), [_TABLES])
        for start, end in overlap(written, [(0, size)]):
            address = memory.host_address(start, end - start)
            copied += reference.copy_differing(start, address, end - start)
        for start, end in without(written, [(0, size)]):
            libc.zero(memory.host_address(start, end - start), end - start)
            copied += end - start
    finally:
        reference.close()
    return copied


def written_units(memory: GuestMemory, pages: libc.PageMap, least: int) -> list[Run]:
    """The 2 MiB units of which the VM wrote at least so many pages, tables left out."""
    counts: Counter[int] = Counter()
    for start, end in without(list(private_runs(memory, pages)), [_TABLES]):
        counts.update(
            page // (abi.HUGE // abi.PAGE) for page in range(start // abi.PAGE, end // abi.PAGE)
        )
    units = [unit * abi.HUGE for unit, count in counts.items() if count >= least]
    return merged((unit, unit + abi.HUGE) for unit in units)
