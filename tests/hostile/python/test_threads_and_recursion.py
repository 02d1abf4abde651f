"""Starts threads, and recurses without end.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import MemoryLimitExceeded, Trap

STOPPED_BY = (Layer.WASI, Layer.WASM, Layer.LIMITS)


TRIES = (
    "import threading; threading.Thread(target=print).start()",
    "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "exec('(' * 100000 + ')' * 100000)",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python --timeout 20\n{source}").error
        assert isinstance(error, (CellException, Trap, MemoryLimitExceeded)), source
