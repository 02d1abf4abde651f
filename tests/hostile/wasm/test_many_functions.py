"""Gives the compiler 150,000 functions.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError
from hypercell.vmm.errors import CompileLimitExceeded

STOPPED_BY = (Layer.COMPILER, Layer.HARMLESS, Layer.LIMITS)


START = '(func (export "_start")'
MODULES = ("(func)" * 500_000 + START + ")",)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (type(None), BuildError, CompileLimitExceeded)), module[:200]
