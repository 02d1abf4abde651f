"""Runs commands of the host.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)


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
    """By Python in its VM: the host runs nothing and looks for nothing."""
    for text in TRIES:
        cell.refused(text, CellException, "there is no shell and no other program in a micro-VM")
