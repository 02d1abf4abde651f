"""Is longer than a cell may be.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


MODULES = ("(func)" * 900_000,)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 20\n(module {module})").error
        assert isinstance(error, UsageError), module[:200]
