"""Takes all memory.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import MemoryLimitExceeded, TimedOut, Trap

STOPPED_BY = (Layer.WASI, Layer.WASM, Layer.LIMITS)


TRIES = (
    "b = bytearray(2_000_000_000)",
    "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "'x' * (1 << 31)",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python --timeout 20\n{source}").error
        assert isinstance(error, (CellException, Trap, MemoryLimitExceeded, TimedOut)), source
