"""Reads and writes page tables, where they lie and where they are mapped.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import page_walk
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
    page_walk.check(raw.machine)
