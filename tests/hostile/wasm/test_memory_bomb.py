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
    # A program that is refused more may go on, until its time is over.
    (f"(memory 1) {START} (loop (drop (memory.grow (i32.const 100))) br 0))", TimedOut, "1 s"),
    (f"(memory 65536) {START})", MemoryLimitExceeded, "4294967296 bytes is over the memory limit"),
    (
        f"(memory i64 1) {START} (loop (drop (memory.grow (i64.const 0x7fffffffffff))) br 0))",
        TimedOut,
        "1 s",
    ),
)


def test_it_ends_there(cell: Cells) -> None:
    for module, error, match in MODULES:
        cell.refused(f"%%wat --timeout 1\n(module {module})", error, match)
