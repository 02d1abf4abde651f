"""Declares so many locals that frames or the compiler burst.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (
    Layer.COMPILER,
    Layer.HARMLESS,
)

START = '(func (export "_start")'
FEW, MANY = ("(module " + START + "(local i64)" * count + "))" for count in (49_000, 51_000))


def test_as_many_as_webassembly_allows_are_only_slow(cell: Cells) -> None:
    assert cell(f"%%wat --timeout 20\n{FEW}").error is None


def test_more_are_no_module(cell: Cells) -> None:
    cell.refused(f"%%wat --timeout 20\n{MANY}", BuildError, "too many locals")
