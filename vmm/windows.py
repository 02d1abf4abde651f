"""The two windows through which the guest sees files: compiled code and layers, both read-only."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from hypercell.vmm import abi, libc, memfd
from hypercell.vmm.elf import find_text, round_up
from hypercell.vmm.errors import HostError, LimitExceeded
from hypercell.vmm.kvm import Vm
from hypercell.vmm.page_tables import READ, READ_EXECUTE, PageTables

SPARE_SIZE: Final = 0x200_0000  # a program or two; 80 KiB of kernel memory


class Mapped(msgspec.Struct, frozen=True):
    """A file in a window: ``offset`` into the window, ``size`` in bytes. Part of a snapshot."""

    offset: int
    size: int


class HugeMapping:
    """A file copied to read-only huge pages, for many VMs: processes forked later inherit it.

    ``.text`` of ``code``, when it fills a huge page, starts on a 2 MiB boundary.
    """

    def __init__(self, fd: int, size: int, *, code: bool) -> None:
        self.size = size
        self.text = find_text(fd, size) if code else (0, 0)
        self.pad = _pad(self.text)
        pages = round_up(size)
        self._reservation = libc.Reservation(self.pad + pages)
        self.address = self._reservation.address + self.pad
        flags = libc.MAP_PRIVATE | libc.MAP_ANONYMOUS | libc.MAP_FIXED
        try:
            libc.mmap(self.address, pages, libc.PROT_READ | libc.PROT_WRITE, flags)
            libc.advise_huge(self.address, pages)
            libc.read_into(fd, self.address, size, 0)
            libc.mprotect(self.address, pages, libc.PROT_READ)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Unmap it; no VM of this process may use it any more. Calling it again does nothing."""
        self._reservation.close()


def _pad(text: tuple[int, int]) -> int:
    return -text[0] % abi.HUGE if text[1] >= abi.HUGE else 0


def _end(text: tuple[int, int]) -> int:
    """Where executable memory ends: in large code, on a 2 MiB boundary.

    Else its last part would be in small pages, and each one a fault in each VM. What follows the
    text there is read-only data of the same file.
    """
    end = text[0] + text[1]
    return end if text[1] < abi.HUGE else end + -text[1] % abi.HUGE


class _Spare(NamedTuple):
    """A slot that has nothing behind it yet: its part of the window, and where it lies here."""

    start: int
    end: int
    address: int


class Window:
    """One window of a VM: places files one after the other, each from a 2 MiB boundary on."""

    def __init__(self, vm: Vm, tables: PageTables, *, code: bool) -> None:
        self._vm = vm
        self._tables = tables
        self._code = code
        self._base, self._gpa, self._limit = (
            (abi.CODE_BASE, abi.CODE_GPA, abi.CODE_SIZE)
            if code
            else (abi.LAYER_BASE, abi.LAYER_GPA, abi.LAYER_SIZE)
        )
        self._next = 0
        self._spare: _Spare | None = None
        self._reservations: list[libc.Reservation] = []
        self.mapped: list[Mapped] = []

    def close(self) -> None:
        """Unmap the files; the VM must be closed. Calling it again does nothing."""
        for reservation in self._reservations:
            reservation.close()
        self._reservations.clear()

    def prepare(self) -> None:
        """Add a slot for files that come later, in a VM that has not run.

        Once a VM has run, KVM takes milliseconds to add a slot, and a mapping into one no time.
        """
        size = min(SPARE_SIZE, self._limit - self._next)
        if size > 0:
            reservation = libc.Reservation(size)
            self._reservations.append(reservation)
            self._vm.add_memory(self._gpa + self._next, size, reservation.address, writable=False)
            self._spare = _Spare(self._next, self._next + size, reservation.address)

    def map(self, source: int | HugeMapping, size: int) -> tuple[int, int]:
        """Show a file to the guest: (address, length). ``source``: a descriptor, or a mapping.

        Raises ``InvalidModule`` for code without a proper ``.text``, ``LimitExceeded`` when the
        window is full.
        """
        if size <= 0:
            raise HostError(f"a file of {size} bytes cannot be mapped")
        if isinstance(source, HugeMapping):
            text = source.text
        else:
            text = find_text(source, size) if self._code else (0, 0)
        pages = round_up(size)
        offset = self._next + _pad(text)
        if self._spare and (isinstance(source, HugeMapping) or offset + pages > self._spare.end):
            offset = self._spare.end + _pad(text)
            self._spare = None
        if offset + pages > self._limit:
            kind = "code" if self._code else "layer"
            raise LimitExceeded(f"the {kind} window of the VM is full: {size} bytes do not fit")
        self._attach(source, size, offset)
        address, gpa = self._base + offset, self._gpa + offset
        first, last = text[0], min(_end(text), pages)
        for start, end, flags in (
            (0, first, READ),
            (first, last, READ_EXECUTE),
            (last, pages, READ),
        ):
            self._tables.map(address + start, gpa + start, end - start, flags)
        return address, size

    def restore(self, record: Mapped, source: int | HugeMapping) -> tuple[int, int]:
        """Back a file of a snapshot again; the snapshot's tables show it already."""
        self._attach(source, record.size, record.offset)
        return self._base + record.offset, record.size

    def _attach(self, source: int | HugeMapping, size: int, offset: int) -> None:
        pages = round_up(size)
        if isinstance(source, HugeMapping):
            if source.size != size or (source.address - offset) % abi.HUGE:
                raise HostError("a huge mapping does not fit the place of its file")
            address = source.address
            self._vm.add_memory(self._gpa + offset, pages, address, writable=False)
        else:
            if memfd.size_of(source) < size:
                raise HostError("a mapped file is shorter than its sender says")
            if self._spare:
                address = self._spare.address + offset - self._spare.start
            else:
                reservation = libc.Reservation(offset % abi.HUGE + pages)
                self._reservations.append(reservation)
                address = reservation.address + offset % abi.HUGE
            libc.mmap(address, pages, libc.PROT_READ, libc.MAP_SHARED | libc.MAP_FIXED, source)
            if not self._spare:
                self._vm.add_memory(self._gpa + offset, pages, address, writable=False)
        self._next = -(-(offset + pages) // abi.HUGE) * abi.HUGE
        self.mapped.append(Mapped(offset, size))
