"""Runs instructions of the kernel.

Has: a forged .cwasm: any machine code, run by a real worker.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.PROCESSOR,)


CODE = (b"\xf4", b"\xfa", b"\x0f\x22\xd8", b"\x0f\x30")


def test_it_ends_there(cell: Cells) -> None:
    for code in CODE:
        cell.forged(code)
    assert len(cell.aftermath.stopped) == len(CODE)
