"""Calls itself without end, with small frames and large ones.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.WASM,)


MODULES = (
    '(func $f (export "_start") call $f)',
    '(func $f (export "_start") ' + "(local v128)" * 2000 + " call $f)",
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 20\n(module {module})").error
        assert isinstance(error, Trap), module[:200]
