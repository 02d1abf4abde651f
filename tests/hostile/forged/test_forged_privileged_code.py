"""Runs instructions of the kernel.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = (
    (b"\xf4", "general protection"),
    (b"\xfa", "general protection"),
    (b"\x0f\x22\xd8", "general protection"),
    (b"\x0f\x30", "general protection"),
)


def test_it_ends_there(cell: Cells) -> None:
    for code, match in CODE:
        cell.forged(code, GuestCrash, match)
