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
    # A program that is refused more may go on, until its time is over.
    (
        f"(table 10000000 funcref) {START} (loop (drop (table.grow (ref.null func) "
        "(i32.const 10000000))) br 0))",
        TimedOut,
        "1 s",
    ),
    (f"(table 0xffffffff funcref) {START})", MemoryLimitExceeded, "table minimum size"),
)


def test_it_ends_there(cell: Cells) -> None:
    for module, error, match in MODULES:
        cell.refused(f"%%wat --timeout 1\n(module {module})", error, match)
