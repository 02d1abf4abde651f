"""Reads and removes files of the host.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import FileRefused

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "%cat /etc/passwd",
    "%cat ../../etc/passwd",
    "%rm ../../x",
    "%rm /etc/passwd",
    "%cat /home/../etc/passwd",
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, FileRefused), text
