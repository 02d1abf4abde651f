"""Jumps to data.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import REPLY, mov

from hypercell.vmm import abi

STOPPED_BY = (Layer.PROCESSOR,)


CODE = (
    mov("rax", abi.HEAP) + b"\xff\xe0",
    mov("rax", abi.SHARED_BASE) + b"\xff\xe0",
    mov("rax", REPLY) + b"\xff\xe0",
    mov("rax", 1 << 62) + b"\xff\xe0",
)


def test_it_ends_there(cell: Cells) -> None:
    for code in CODE:
        cell.forged(code)
    assert len(cell.aftermath.stopped) == len(CODE)
