"""Nests blocks until a recursive compiler ends its stack.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)

START = '(func (export "_start")'
MODULE = "(module " + START + "(block " * 200_000 + ")" * 200_000 + "))"


def test_it_is_compiled_all_the_same(cell: Cells) -> None:
    """Neither the parser nor the compiler recurses: blocks without end are just a program."""
    assert cell(f"%%wat --timeout 20\n{MODULE}").error is None
