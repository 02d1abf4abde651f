"""Grows a table without end, or declares the largest.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import MemoryLimitExceeded, TimedOut

STOPPED_BY = (Layer.LIMITS,)


START = '(func (export "_start")'
MODULES = (
    (
        f"(table 10000000 funcref) {START} (loop (drop (table.grow (ref.null func) "
        "(i32.const 10000000))) br 0))"
    ),
    f"(table 0xffffffff funcref) {START})",
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (TimedOut, MemoryLimitExceeded)), module[:200]
