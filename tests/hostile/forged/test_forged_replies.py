"""Answers in the name of the guest's image.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer
from rawguest import REPLY, store8, wait

STOPPED_BY = (Layer.MAILBOX,)


CODE = (store8(REPLY, b"\xff" * 64) + wait(64), wait(0), store8(REPLY, bytes(64)) + wait(64))


def test_it_ends_there(cell: Cells) -> None:
    for code in CODE:
        cell.forged(code)
    assert len(cell.aftermath.stopped) == len(CODE)
