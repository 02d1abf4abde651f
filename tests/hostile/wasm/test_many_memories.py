"""Declares more memories than a VM has.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError
from hypercell.vmm.errors import MemoryLimitExceeded

STOPPED_BY = (Layer.LIMITS, Layer.WASM, Layer.COMPILER)


START = '(func (export "_start")'
MODULES = ("(memory 1)" * 90 + START + ")", "(memory 1)" * 200 + START + ")")


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 1\n(module {module})").error
        assert isinstance(error, (MemoryLimitExceeded, BuildError)), module[:200]
