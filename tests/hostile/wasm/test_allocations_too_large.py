"""Allocates objects larger than its heap.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.WASM,)

START = '(func (export "_start")'
MODULE = f"""(module (type $a (array (mut i64)))
  {START} (drop (array.new $a (i64.const 0) (i32.const 0x7fffffff)))))"""


def test_it_ends_there(cell: Cells) -> None:
    cell.refused(f"%%wat --timeout 20\n{MODULE}", Trap, "allocation size too large")
