"""Reads and writes page tables, where they lie and where they are mapped.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import VARIES, load, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR, Layer.HARMLESS)


TABLES = {
    "PML4": abi.PML4,
    "PDPT": abi.PDPT_LOW,
    "PD": abi.PD_LOW,
    "PT": abi.PT_LOW,
    "dynamic tables": abi.TABLES_BASE,
    "last dynamic table": abi.TABLES_BASE + abi.TABLES_SIZE - abi.PAGE,
}


@pytest.mark.parametrize("place", TABLES)
@pytest.mark.parametrize(("code", "error"), [(load, 4), (lambda at: store(at, 7), 6)])
def test_they_are_not_there(attack: Attack, place: str, code, error: int) -> None:  # type: ignore[no-untyped-def]
    crash = attack(code(TABLES[place])).fails(GuestCrash, "page fault")
    assert (crash.vector, crash.error & ~VARIES, crash.address) == (14, error, TABLES[place])


def test_no_leaf_is_writable_and_executable_or_maps_a_table(attack: Attack) -> None:
    """Walks every table from the root, as the processor does."""
    raw = attack(wait())
    raw.start()
    leaves = list(_leaves(raw.machine))
    assert leaves
    tables = range(abi.TABLES_BASE, abi.TABLES_BASE + abi.TABLES_SIZE)
    low_tables = range(abi.PML4, abi.GDT)
    for gva, gpa, rights in leaves:
        writable, executable = bool(rights & 2), not rights >> 63
        assert not (writable and executable), hex(gva)
        assert gpa not in tables
        assert gpa not in low_tables, hex(gva)


def _leaves(machine):  # type: ignore[no-untyped-def]
    def walk(table, level, base):  # type: ignore[no-untyped-def]
        entries = machine._memory.view(table, abi.PAGE).cast("Q")
        for index, entry in enumerate(entries):
            if not entry & 1:
                continue
            gva = base | index << 12 + 9 * level
            if level == 0 or entry & 0x80:
                yield gva, entry & 0x000F_FFFF_FFFF_F000, entry & (1 << 63 | 7)
            else:
                yield from walk(entry & 0x000F_FFFF_FFFF_F000, level - 1, gva)

    return walk(abi.PML4, 3, 0)
