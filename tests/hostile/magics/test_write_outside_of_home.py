"""Writes files of the host.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import FileRefused

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "%%file ../../x\na",
    "%%file /etc/x\na",
    "%%file /home/../etc/x\na",
    "%%file -a ../x\na",
    "%%writefile /etc/x\na",
    "%%file .\na",
    "%%file ..\na",
    "%%file a/../../b\na",
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, FileRefused), text
