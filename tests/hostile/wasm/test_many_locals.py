"""Declares so many locals that frames or the compiler burst.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError
from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.COMPILER, Layer.WASM, Layer.HARMLESS)


START = '(func (export "_start")'
MODULES = (START + "(local i64)" * 49_000 + ")", START + "(local i64)" * 51_000 + ")")


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (type(None), BuildError, Trap)), module[:200]
