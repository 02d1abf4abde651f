"""Computes for ever, where no signal is looked at.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import MemoryLimitExceeded, TimedOut

STOPPED_BY = (Layer.LIMITS, Layer.WASI)


TRIES = ("while True: pass", "sum(iter(int, 1))")


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python --timeout 1\n{source}").error
        assert isinstance(error, (TimedOut, CellException, MemoryLimitExceeded)), source
