"""Takes all memory.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)

TRIES = (
    ("b = bytearray(2_000_000_000)", "MemoryError"),
    ("x = []\nwhile True: x.append(bytearray(1 << 20))", "MemoryError"),
    ("'x' * (1 << 31)", "OverflowError"),
)


def test_it_is_refused(cell: Cells) -> None:
    for source, name in TRIES:
        error = cell(f"%%python --timeout 20\n{source}").error
        assert isinstance(error, CellException), source
        assert error.name == name
