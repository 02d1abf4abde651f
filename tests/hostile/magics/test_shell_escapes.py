"""Runs commands of the host.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException, UsageError

STOPPED_BY = (Layer.WASI, Layer.KERNEL)


TRIES = (
    "!cat /etc/passwd",
    "!!id",
    "x = !id",
    "%sx id",
    "%system id",
    "%%bash\nid",
    "%%sh\nid",
    "%%script bash\nid",
    "%alias x id",
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, (CellException, UsageError)), text
