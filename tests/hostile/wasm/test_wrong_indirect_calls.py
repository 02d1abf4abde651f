"""Calls a function by a type that it has not.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.WASM,)


START = '(func (export "_start")'
MODULES = (
    (
        "(type $a (func (param i64))) (table 1 funcref) (elem (i32.const 0) $g) (func $g)"
        f" {START} (call_indirect (type $a) (i64.const 1) (i32.const 0)))"
    ),
    (f"(type $a (func)) (table 1 funcref) {START} (call_indirect (type $a) (i32.const -1)))"),
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 20\n(module {module})").error
        assert isinstance(error, Trap), module[:200]
