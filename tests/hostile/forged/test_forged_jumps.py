"""Jumps to data.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import REPLY, mov

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = (
    (mov("rax", abi.HEAP) + b"\xff\xe0", f"page fault .* address {abi.HEAP:#x}"),
    (mov("rax", abi.SHARED_BASE) + b"\xff\xe0", "page fault .* address 0x6000000"),
    (mov("rax", REPLY) + b"\xff\xe0", "page fault .* address 0x6300000"),
    (mov("rax", 1 << 62) + b"\xff\xe0", "general protection"),
)


def test_it_ends_there(cell: Cells) -> None:
    for code, match in CODE:
        cell.forged(code, GuestCrash, match)
