"""The guest-physical memory of one VM: where each address lies in this process.

``GuestMemory.view`` and ``host_address`` are the only ways from a guest address to host memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, NewType

from hypercell.vmm import abi, libc, runs
from hypercell.vmm.kvm import Vm
from hypercell.vmm.runs import Run

Gpa = NewType("Gpa", int)  # guest-physical address

_PRIVATE = libc.MAP_PRIVATE | libc.MAP_ANONYMOUS | libc.MAP_NORESERVE
_SHARED = libc.MAP_SHARED | libc.MAP_ANONYMOUS | libc.MAP_NORESERVE
_READ_WRITE = libc.PROT_READ | libc.PROT_WRITE
_LOW_SIZE = abi.TABLES_BASE + abi.TABLES_SIZE


class Region(NamedTuple):
    """A stretch of guest-physical memory in one slot."""

    gpa: int
    size: int
    address: int
    view: memoryview


class Content(NamedTuple):
    """What the memory holds at first: stretches (start, end) of a file at the same offsets.

    What of them lies in ``huge`` is copied into huge pages at once, the others are mapped, and
    copied page by page when written. The rest is anonymous: a private mapping of a hole would
    allocate pages in the file.
    """

    fd: int
    extents: Sequence[Run]
    huge: Sequence[Run] = ()


class GuestMemory:
    """RAM and tables, the shared region, and the pool, which grows by slots.

    The regions lie in one reservation at host address = guest address modulo 2 MiB, so that huge
    pages can form; what is not guest memory around and between them is inaccessible.
    """

    def __init__(self, vm: Vm, content: Content | None = None) -> None:
        self._vm = vm
        self._content = content
        self._reservations: list[libc.Reservation] = []
        self._regions: list[Region] = []
        self.shared_units: list[Run] = []  # of a session's memory file, see ``share``
        try:
            base = self._reserve(abi.POOL_BASE + abi.POOL_FIRST_SLOT)
            self.low = self._add(0, _LOW_SIZE, base, _PRIVATE)
            shared = base + abi.SHARED_BASE
            self.shared = self._add(abi.SHARED_BASE, abi.SHARED_SIZE, shared, _SHARED)
            first = base + abi.POOL_BASE
            self.pool = [self._add(abi.POOL_BASE, abi.POOL_FIRST_SLOT, first, _PRIVATE)]
        except BaseException:
            self.close()
            raise

    def _reserve(self, size: int) -> int:
        reservation = libc.Reservation(size)
        self._reservations.append(reservation)
        return reservation.address

    def _add(self, gpa: int, size: int, address: int, flags: int) -> Region:
        libc.mmap(address, size, _READ_WRITE, flags | libc.MAP_FIXED)
        if self._content is not None:
            self._fill(self._content, gpa, size, address)
        self._vm.add_memory(gpa, size, address)
        region = Region(gpa, size, address, libc.view(address, size))
        self._regions.append(region)
        return region

    def _fill(self, content: Content, gpa: int, size: int, address: int) -> None:
        here = [(gpa, gpa + size)]
        shift = address - gpa
        for first, last in runs.overlap(here, content.huge):
            libc.advise_huge(first + shift, last - first)
        extents = runs.overlap(here, content.extents)
        for first, last in runs.overlap(extents, content.huge):
            libc.read_into(content.fd, first + shift, last - first, first)
        flags = libc.MAP_PRIVATE | libc.MAP_NORESERVE | libc.MAP_FIXED
        for first, last in runs.without(extents, content.huge):
            libc.mmap(first + shift, last - first, _READ_WRITE, flags, content.fd, first)

    def share(self, fd: int, gpa: int, size: int, offset: int) -> None:
        """Have units of 2 MiB in a session's memory file from now on. Only before the VM runs."""
        for start, count in self.parts(gpa, size):
            flags = libc.MAP_SHARED | libc.MAP_FIXED
            address = self.host_address(start, count)
            libc.mmap(address, count, _READ_WRITE, flags, fd, offset + start - gpa)
        self.shared_units += [(unit, unit + abi.HUGE) for unit in range(gpa, gpa + size, abi.HUGE)]

    def restore_shared(self, gpa: int) -> None:
        """Fill a unit of 2 MiB that the memory file does not have yet as it is in ``content``."""
        address = self.host_address(gpa, abi.HUGE)
        libc.populate(address, abi.PAGE)  # of nothing comes no huge page
        libc.collapse(address, abi.HUGE)
        if (content := self._content) is not None:
            for start, end in runs.overlap([(gpa, gpa + abi.HUGE)], content.extents):
                libc.read_into(content.fd, address + start - gpa, end - start, start)

    def close(self) -> None:
        """Unmap everything; the VM must be closed. Calling it again does nothing."""
        for region in self._regions:
            region.view.release()
        self._regions.clear()
        for reservation in self._reservations:
            reservation.close()
        self._reservations.clear()

    @property
    def pool_end(self) -> int:
        """The first guest-physical address beyond the pool."""
        return self.pool[-1].gpa + self.pool[-1].size

    def extend_pool(self, end: int) -> None:
        """Add slots until the pool reaches ``end``. Works while the guest waits in a hypercall."""
        while self.pool_end < end:
            size = abi.POOL_NEXT_SLOT
            self.pool.append(self._add(self.pool_end, size, self._reserve(size), _PRIVATE))

    def private_regions(self) -> list[Region]:
        """Return all regions that a snapshot holds: all but the shared one."""
        return [self.low, *self.pool]

    def _find(self, gpa: int, size: int) -> Region:
        for region in self._regions:
            if region.gpa <= gpa and gpa + size <= region.gpa + region.size:
                return region
        raise IndexError(f"{size:#x} bytes at guest-physical {gpa:#x} are no guest memory")

    def parts(self, gpa: int, size: int) -> Iterator[tuple[int, int]]:
        """Cut a stretch where it leaves one slot for the next: they touch in the guest only."""
        while size:
            region = self._find(gpa, 1)
            count = min(size, region.gpa + region.size - gpa)
            yield gpa, count
            gpa, size = gpa + count, size - count

    def host_address(self, gpa: int, size: int) -> int:
        """Return where a stretch of guest memory lies in this process."""
        region = self._find(gpa, size)
        return region.address + gpa - region.gpa

    def view(self, gpa: int, size: int) -> memoryview:
        """Return a view of guest memory. Use it at once, it must not outlive this object."""
        region = self._find(gpa, size)
        return region.view[gpa - region.gpa : gpa - region.gpa + size]

    def write(self, gpa: int, data: bytes) -> None:
        """Copy bytes into guest memory."""
        self.view(gpa, len(data))[:] = data
