"""Computes for ever, where no signal is looked at.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import TimedOut

STOPPED_BY = (Layer.LIMITS,)

TRIES = ("while True: pass", "sum(iter(int, 1))")


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        cell.refused(f"%%python --timeout 1\n{source}", TimedOut, "longer than 1 s")
