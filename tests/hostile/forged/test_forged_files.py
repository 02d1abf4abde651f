"""Damages the file itself: its header, sections, lengths.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.IMAGE, Layer.PROCESSOR, Layer.WASM, Layer.MAILBOX, Layer.LIMITS, Layer.WORKER)


def test_it_ends_there(cell: Cells) -> None:
    for at in (0, 4, 16, 24, 40, 48, 58, 60):
        for piece in (b"\xff" * 8, bytes(8)):
            cell.forged(b"\x0f\x0b", damage=(at, piece))
