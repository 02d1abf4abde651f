"""Places data and elements outside of memories and tables.

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
        f'(memory 1) (data (i32.const 0xfffffff0) "aaaaaaaaaaaaaaaaaaaaaa") {START})',
        Trap,
        "out of bounds memory access",
    ),
    (
        f"(table 1 funcref) (elem (i32.const 0xffffffff) 0) (func) {START})",
        Trap,
        "out of bounds table access",
    ),
)


def test_it_ends_there(cell: Cells) -> None:
    for module, error, match in MODULES:
        cell.refused(f"%%wat --timeout 20\n(module {module})", error, match)
