"""Uses ports.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import mov

from hypercell.vmm import abi

STOPPED_BY = (Layer.PROCESSOR, Layer.EXIT, Layer.MAILBOX)


CODE = (mov("rdx", 0x80) + b"\xee", mov("rdx", abi.HYPERCALL_PORT) + b"\xee")


def test_it_ends_there(cell: Cells) -> None:
    for code in CODE:
        cell.forged(code)
    assert len(cell.aftermath.stopped) == len(CODE)
