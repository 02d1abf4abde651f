"""Every page that a guest can reach, found as the processor finds it."""

from __future__ import annotations

from collections.abc import Iterator

from hypercell.vmm import abi
from hypercell.vmm.machine import Machine

_ADDRESS = 0x000F_FFFF_FFFF_F000
_LARGE = 0x80
_RIGHTS = 1 << 63 | 7
_TABLES = (
    range(abi.TABLES_BASE, abi.TABLES_BASE + abi.TABLES_SIZE),
    range(abi.PML4, abi.GDT),
)


def leaves(machine: Machine) -> Iterator[tuple[int, int, int]]:
    """Yield (virtual address, guest-physical address, rights) of each page or 2 MiB stretch."""

    def walk(table: int, level: int, base: int) -> Iterator[tuple[int, int, int]]:
        entries = machine._memory.view(table, abi.PAGE).cast("Q")
        for index, entry in enumerate(entries):
            if not entry & 1:
                continue
            gva = base | index << 12 + 9 * level
            if level == 0 or entry & _LARGE:
                yield gva, entry & _ADDRESS, entry & _RIGHTS
            else:
                yield from walk(entry & _ADDRESS, level - 1, gva)

    return walk(abi.PML4, 3, 0)


def check(machine: Machine) -> None:
    """No page is writable and executable, and none shows a table."""
    found = False
    for gva, gpa, rights in leaves(machine):
        found = True
        assert not (rights & 2 and not rights >> 63), f"{gva:#x} is writable and executable"
        assert not any(gpa in tables for tables in _TABLES), f"{gva:#x} shows a page table"
    assert found
