"""Allocates objects larger than its heap.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import MemoryLimitExceeded, Trap

STOPPED_BY = (Layer.WASM, Layer.LIMITS)


START = '(func (export "_start")'
MODULES = (
    (
        f"(type $a (array (mut i64))) {START} (drop (array.new $a (i64.const 0) (i32.const"
        " 0x7fffffff))))"
    ),
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (Trap, MemoryLimitExceeded)), module[:200]
