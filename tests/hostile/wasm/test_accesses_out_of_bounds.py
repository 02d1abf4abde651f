"""Reads and writes beside its memory.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.WASM,)


START = '(func (export "_start")'
MODULES = (
    f"(memory 1) {START} (drop (i64.load offset=0xffffffff (i32.const -1))))",
    f"(memory 1) {START} (i64.store (i32.const 65529) (i64.const 1)))",
    (f"(memory 1) {START} (memory.fill (i32.const 65000) (i32.const 1) (i32.const 1000)))"),
    f"(memory 1) {START} (drop (v128.load (i32.const 65530))))",
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 20\n(module {module})").error
        assert isinstance(error, Trap), module[:200]
