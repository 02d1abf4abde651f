"""Writes to code, page tables and what belongs to ring 0.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import store

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = (
    (store(abi.CODE_BASE, 1), "page fault .* address 0x100000000"),
    (store(abi.PML4, 1), "page fault .* address 0x1000"),
    (store(abi.IDT, 1), "page fault .* address 0x11000"),
    (store(abi.TSS, 1), "page fault .* address 0x12000"),
    (store(abi.STUB, 1), "page fault .* address 0x13000"),
    (store(abi.IMAGE, 1), "page fault .* address 0x200000"),
)


def test_it_ends_there(cell: Cells) -> None:
    for code, match in CODE:
        cell.forged(code, GuestCrash, match)
