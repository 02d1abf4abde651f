"""Runs files of the host as Python.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)


TRIES = ("%run /etc/passwd", "%run ../../x.py", "%run -i /etc/passwd", "%run /proc/self/cmdline")


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        cell.refused(text, CellException, "there is no file .* in /home")
