"""Gives the compiler half a million functions.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import CompileLimitExceeded

STOPPED_BY = (Layer.LIMITS,)

START = '(func (export "_start")'
MODULE = "(module " + "(func)" * 500_000 + START + "))"


def test_it_ends_there(cell: Cells) -> None:
    cell.refused(f"%%wat --timeout 20\n{MODULE}", CompileLimitExceeded, "limit")
