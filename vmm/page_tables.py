"""The guest's page tables. Only the host writes them, and they are mapped at no address.

Rights are in the leaves. A (and D where writable) is set here, so that KVM need not write the
tables; but where we want to know what the guest wrote, D is left to it. A present entry is not
changed otherwise: the guest would not see it.
"""

from __future__ import annotations

import struct
from typing import Final

from hypercell.vmm import abi
from hypercell.vmm.elf import Segment
from hypercell.vmm.errors import HostError
from hypercell.vmm.guest_memory import GuestMemory

PRESENT, WRITE, USER, ACCESSED, DIRTY, LARGE = 1, 2, 4, 0x20, 0x40, 0x80
NO_EXECUTE: Final = 1 << 63
TABLE: Final = PRESENT | WRITE | USER | ACCESSED
ADDRESS: Final = 0x000F_FFFF_FFFF_F000

READ: Final = PRESENT | USER | ACCESSED | NO_EXECUTE
READ_WRITE: Final = READ | WRITE | DIRTY
READ_EXECUTE: Final = PRESENT | USER | ACCESSED
SUPERVISOR_READ: Final = READ & ~USER
SUPERVISOR_READ_WRITE: Final = READ_WRITE & ~USER
SUPERVISOR_EXECUTE: Final = READ_EXECUTE & ~USER

ARENA_PDPT: Final = abi.TABLES_BASE
CODE_PD: Final = abi.TABLES_BASE + abi.PAGE
LAYER_PD: Final = abi.TABLES_BASE + 2 * abi.PAGE
FIRST_FREE_TABLE: Final = abi.TABLES_BASE + 3 * abi.PAGE

_ENTRIES = 512
_RING3_WRITES = PRESENT | WRITE | USER


class PageTables:
    """Writes entries, and takes new tables one after the other from ``next_table`` to ``end``."""

    def __init__(self, memory: GuestMemory, next_table: int, end: int) -> None:
        self._memory = memory
        self._low = memory.low.view
        self.next_table = next_table
        self._end = end

    @property
    def free_tables(self) -> int:
        """How many more tables there are."""
        return (self._end - self.next_table) // abi.PAGE

    def _entry(self, table: int, index: int) -> int:
        return int.from_bytes(self._low[table + 8 * index : table + 8 * index + 8], "little")

    def link(self, table: int, index: int, target: int) -> None:
        """Make an entry of a table lead to another table."""
        struct.pack_into("<Q", self._low, table + 8 * index, target | TABLE)

    def _next_level(self, table: int, index: int) -> int:
        entry = self._entry(table, index)
        if not entry:
            if not self.free_tables:
                raise HostError("no page tables are left for this VM")
            entry = self.next_table | TABLE
            self.next_table += abi.PAGE
            struct.pack_into("<Q", self._low, table + 8 * index, entry)
        elif entry & LARGE:
            raise HostError(f"the table at {table:#x} has a 2 MiB entry where a table is wanted")
        return entry & ADDRESS

    def _directory(self, gva: int) -> int:
        pdpt = self._next_level(abi.PML4, gva >> 39 & 511)
        return self._next_level(pdpt, gva >> 30 & 511)

    def directory_entry(self, gva: int) -> int:
        """Return the guest-physical address of the 2 MiB entry for an address."""
        return self._directory(gva) + 8 * (gva >> 21 & 511)

    def expect_writes(self, gva: int) -> None:
        """From now on ``written`` tells whether the guest writes to the 2 MiB at an address.

        Only before KVM knows the entry: until it has run, or when the memory behind it is new.
        """
        slot = self.directory_entry(gva)
        entry = self._entry(slot, 0)
        if entry & LARGE:
            struct.pack_into("<Q", self._low, slot, entry & ~DIRTY)

    def written(self, gva: int) -> bool:
        """Whether the guest may have written there, by the D bit of a 2 MiB entry."""
        entry = self._entry(self.directory_entry(gva), 0)
        return not entry & LARGE or bool(entry & DIRTY)

    def map(self, gva: int, gpa: int, size: int, flags: int, *, large: bool = True) -> None:
        """Map whole pages, with 2 MiB entries where both addresses allow it and ``large``."""
        end = gva + size
        while gva < end:
            directory, index = self._directory(gva), gva >> 21 & 511
            whole = large and end - gva >= abi.HUGE and not (gva | gpa) % abi.HUGE
            if whole and not self._entry(directory, index):
                entry = gpa | flags | LARGE
                struct.pack_into("<Q", self._low, directory + 8 * index, entry)
                gva, gpa = gva + abi.HUGE, gpa + abi.HUGE
                continue
            table = self._next_level(directory, index)
            first = gva >> 12 & 511
            count = min(_ENTRIES - first, (end - gva) // abi.PAGE)
            at = table + 8 * first
            if any(self._low[at : at + 8 * count]):
                raise HostError(f"a page at {gva:#x} is mapped already")
            entries = range(gpa | flags, (gpa | flags) + count * abi.PAGE, abi.PAGE)
            struct.pack_into(f"<{count}Q", self._low, at, *entries)
            gva, gpa = gva + count * abi.PAGE, gpa + count * abi.PAGE

    def clear(self, gva: int, size: int) -> None:
        """Make 4 KiB entries absent; tables stay linked.

        The guest sees it only once the host drops the pages behind them (``MADV_DONTNEED``).
        """
        end = gva + size
        while gva < end:
            table = self._next_level(self._directory(gva), gva >> 21 & 511)
            first = gva >> 12 & 511
            count = min(_ENTRIES - first, (end - gva) // abi.PAGE)
            at = table + 8 * first
            self._low[at : at + 8 * count] = bytes(8 * count)
            gva += count * abi.PAGE


def dynamic_tables(memory: GuestMemory, next_table: int = FIRST_FREE_TABLE) -> PageTables:
    """Return the tables that the host extends after boot: code, layers, arenas."""
    return PageTables(memory, next_table, abi.TABLES_BASE + abi.TABLES_SIZE)


def writable_ram(memory: GuestMemory) -> tuple[tuple[int, int], ...]:
    """Return the runs (first, end) of pages of RAM that ring 3 can write."""
    low = memory.low.view
    runs: list[tuple[int, int]] = []

    def add(first: int, count: int, entry: int) -> None:
        same = entry & ADDRESS == first * abi.PAGE
        if entry & _RING3_WRITES != _RING3_WRITES or not same:
            return
        if runs and runs[-1][1] == first:
            runs[-1] = (runs[-1][0], first + count)
        else:
            runs.append((first, first + count))

    directory = struct.unpack_from(f"<{_ENTRIES}Q", low, abi.PD_LOW)
    for unit, entry in enumerate(directory[: abi.RAM_SIZE // abi.HUGE]):
        if entry & LARGE:
            add(unit * _ENTRIES, _ENTRIES, entry)
        elif entry:
            table = struct.unpack_from(f"<{_ENTRIES}Q", low, entry & ADDRESS)
            for page, leaf in enumerate(table):
                if leaf:
                    add(unit * _ENTRIES + page, 1, leaf)
    return tuple(runs)


def write_static(memory: GuestMemory, segments: tuple[Segment, ...]) -> None:
    """Write the tables of the first GiB, and link the dynamic ones. Everything else is absent."""
    tables = PageTables(memory, abi.PT_LOW, abi.GDT)
    tables.link(abi.PML4, 0, abi.PDPT_LOW)
    tables.link(abi.PML4, abi.ARENA_BASE >> 39, ARENA_PDPT)
    tables.link(abi.PDPT_LOW, 0, abi.PD_LOW)
    tables.link(abi.PDPT_LOW, abi.CODE_BASE >> 30, CODE_PD)
    tables.link(abi.PDPT_LOW, abi.LAYER_BASE >> 30, LAYER_PD)
    for page in (abi.GDT, abi.IDT, abi.TSS, abi.FRAMES):
        tables.map(page, page, abi.PAGE, SUPERVISOR_READ)
    tables.map(abi.STUB, abi.STUB, abi.PAGE, SUPERVISOR_EXECUTE)
    tables.map(abi.KERNEL_STACK, abi.KERNEL_STACK, abi.PAGE, SUPERVISOR_READ_WRITE)
    tables.map(abi.FAULT_RECORD, abi.KERNEL_STACK, abi.PAGE, READ)
    for segment in segments:
        flags = READ_EXECUTE if segment.execute else READ_WRITE if segment.write else READ
        end = segment.address + segment.pages
        if not segment.write and not segment.address % abi.HUGE:
            whole = -(-end // abi.HUGE) * abi.HUGE  # one entry, unless others lie there too
            if all(not segment.address < other.address < whole for other in segments):
                end = whole
        tables.map(segment.address, segment.address, end - segment.address, flags)
    for start, size in (
        (abi.FAULT_STACK, abi.FAULT_STACK_SIZE),
        (abi.STACK, abi.STACK_SIZE + abi.HEAP_SIZE),  # the heap follows
    ):
        tables.map(start, start, size, READ_WRITE)
    for offset, size, flags in (
        (abi.MAILBOX, abi.PAGE, READ_WRITE),
        (abi.RING_HEADER, abi.PAGE, READ_WRITE),
        (abi.STDIN_AREA, abi.STDIN_AREA_SIZE, READ),
        (abi.RING, abi.RING_SIZE, READ_WRITE),
        (abi.COMMAND_AREA, abi.COMMAND_AREA_SIZE, READ),
        (abi.REPLY_AREA, abi.REPLY_AREA_SIZE, READ_WRITE),
    ):
        start = abi.SHARED_BASE + offset
        tables.map(start, start, size, flags)
