"""Declares more memories than a VM has.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError
from hypercell.vmm.errors import MemoryLimitExceeded

STOPPED_BY = (
    Layer.LIMITS,
    Layer.COMPILER,
)

START = '(func (export "_start")'
MODULES = (
    ("(memory 1)" * 90 + START + ")", MemoryLimitExceeded, "at most 63 linear memories"),
    ("(memory 1)" * 200 + START + ")", BuildError, "no valid module"),
)


def test_it_ends_there(cell: Cells) -> None:
    for module, error, match in MODULES:
        cell.refused(f"%%wat --timeout 20\n(module {module})", error, match)
