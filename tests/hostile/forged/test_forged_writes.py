"""Writes to code, page tables and what belongs to ring 0.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import store

from hypercell.vmm import abi

STOPPED_BY = (Layer.PROCESSOR,)


CODE = (
    store(abi.CODE_BASE, 1),
    store(abi.PML4, 1),
    store(abi.IDT, 1),
    store(abi.TSS, 1),
    store(abi.STUB, 1),
    store(abi.IMAGE, 1),
)


def test_it_ends_there(cell: Cells) -> None:
    for code in CODE:
        cell.forged(code)
    assert len(cell.aftermath.stopped) == len(CODE)
