"""Uses ports.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import mov

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash, ProtocolViolation

STOPPED_BY = (Layer.PROCESSOR, Layer.EXIT)


def test_another_port_faults(cell: Cells) -> None:
    cell.forged(mov("rdx", 0x80) + b"\xee", GuestCrash, "general protection")


def test_the_right_port_with_another_size_is_an_exit(cell: Cells) -> None:
    code = mov("rdx", abi.HYPERCALL_PORT) + b"\xee"
    cell.forged(code, ProtocolViolation, "forbidden exit .*1-byte out to port 0x3f8")
