"""Nests blocks until a recursive compiler ends its stack.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER, Layer.HARMLESS)


START = '(func (export "_start")'
MODULES = (START + "(block " * 200_000 + ")" * 200_000 + ")",)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (type(None), BuildError)), module[:200]
