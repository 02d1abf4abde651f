"""Gives the compiler a branch with a million targets.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)

START = '(func (export "_start")'
MODULE = "(module " + START + " (block (br_table " + "0 " * 1_000_000 + "(i32.const 1)))))"


def test_it_is_compiled_all_the_same(cell: Cells) -> None:
    """A million targets are a table of four megabytes, and the program runs."""
    assert cell(f"%%wat --timeout 20\n{MODULE}").error is None
