"""Loops without end: in the program, in its start function, in exceptions.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import TimedOut

STOPPED_BY = (Layer.LIMITS,)


START = '(func (export "_start")'
MODULES = (
    f"{START} (loop br 0))",
    f"(func $s (loop br 0)) (start $s) {START})",
    f"(tag $t) {START} (loop (block (try_table (catch_all 0) (throw $t))) br 0))",
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, TimedOut), module[:200]
