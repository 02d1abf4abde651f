"""Grows its memory without end.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import MemoryLimitExceeded, TimedOut

STOPPED_BY = (Layer.LIMITS,)


START = '(func (export "_start")'
MODULES = (
    f"(memory 1) {START} (loop (drop (memory.grow (i32.const 100))) br 0))",
    f"(memory 65536) {START})",
    (f"(memory i64 1) {START} (loop (drop (memory.grow (i64.const 0x7fffffffffff))) br 0))"),
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (TimedOut, MemoryLimitExceeded)), module[:200]
