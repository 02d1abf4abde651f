"""Lies about its output.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import HEAD, record, store, wait

from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


CODE = (
    (store(HEAD, 1 << 63) + wait(), "the output ring claims"),
    (record(9, 8, bytes(8)) + store(HEAD, 16) + wait(), "names stream 9"),
)


def test_it_ends_there(cell: Cells) -> None:
    for code, match in CODE:
        cell.forged(code, ProtocolViolation, match)
