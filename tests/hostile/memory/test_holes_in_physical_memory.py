"""Reaches guest-physical memory that no slot has: devices of a PC would be there.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import load, store, wait

from hypercell.vmm import abi, page_tables
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.EXIT,)


WINDOW = abi.ARENA_BASE + 5 * abi.ARENA_STRIDE
HOLES = {"after the tables": abi.TABLES_BASE + abi.TABLES_SIZE, "local APIC": 0xFEE0_0000}


@pytest.mark.parametrize("hole", HOLES)
@pytest.mark.parametrize("verb", ["read from", "write to"])
def test_it_is_a_forbidden_exit(attack: Attack, hole: str, verb: str) -> None:
    """The page tables are changed by the test: no guest can, and a defect of ours must not do."""
    raw = attack(wait() + (load(WINDOW) if verb == "read from" else store(WINDOW, 1)))
    raw.start()
    raw.machine._tables.map(WINDOW, HOLES[hole], abi.PAGE, page_tables.READ_WRITE)
    raw.fails(ProtocolViolation, f"MMIO: 8-byte {verb} {HOLES[hole]:#x}, rip 0x", start=False)
