"""Calls machine code and maps memory.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)


TRIES = (
    "import ctypes; ctypes.CDLL(None)",
    "import mmap; mmap.mmap(-1, 4096)",
    "import _ctypes",
    "import signal; signal.alarm(1)",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python \n{source}").error
        assert isinstance(error, CellException), source
