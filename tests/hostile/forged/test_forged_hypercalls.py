"""Calls the host with lies.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import hypercall, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


CODE = (
    (hypercall(77), "unknown hypercall 0x4d"),
    (wait(1 << 63), "reply of 0x8000000000000000 bytes"),
    (hypercall(abi.HC_GROW, 1 << 63, 0, 4096), "grows arena 9223372036854775808 of 64"),
    (hypercall(abi.HC_PANIC, (1 << 64) - 1), "reply of 0xffffffffffffffff bytes"),
)


def test_it_ends_there(cell: Cells) -> None:
    for code, match in CODE:
        cell.forged(code, ProtocolViolation, match)
