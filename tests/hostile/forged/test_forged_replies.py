"""Answers in the name of the guest's image.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import REPLY, store8, wait

from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


CODE = (
    (store8(REPLY, b"\xff" * 64) + wait(64), "a reply ends after 64 bytes"),
    (wait(0), "a reply ends after 0 bytes"),
    (store8(REPLY, bytes(64)) + wait(64), "a reply ends after 0 bytes"),
)


def test_it_ends_there(cell: Cells) -> None:
    for code, match in CODE:
        cell.forged(code, ProtocolViolation, match)
