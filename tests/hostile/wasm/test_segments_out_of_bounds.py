"""Places data and elements outside of memories and tables.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError
from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.WASM,)


START = '(func (export "_start")'
MODULES = (
    f'(memory 1) (data (i32.const 0xfffffff0) "aaaaaaaaaaaaaaaaaaaaaa") {START})',
    f"(table 1 funcref) (elem (i32.const 0xffffffff) 0) (func) {START})",
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (Trap, BuildError)), module[:200]
