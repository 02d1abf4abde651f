"""Calls the host with lies.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import hypercall, wait

from hypercell.vmm import abi

STOPPED_BY = (Layer.MAILBOX, Layer.EXIT)


CODE = (
    hypercall(77),
    wait(1 << 63),
    hypercall(abi.HC_GROW, 1 << 63, 0, 4096),
    hypercall(abi.HC_PANIC, (1 << 64) - 1),
)


def test_it_ends_there(cell: Cells) -> None:
    for code in CODE:
        cell.forged(code)
    assert len(cell.aftermath.stopped) == len(CODE)
