"""Adds files that are not the session's to the program.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import FileRefused

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    ("--add ../../x", "is no name for a file in /home"),
    ("--add /etc/passwd", "is not below /home"),
    ("--add /home/../etc/passwd", "is no name for a file in /home"),
    ("--add ''", "is no name for a file in /home"),
)


def test_it_is_refused(cell: Cells) -> None:
    for tried, match in TRIES:
        cell.refused(f"%%c {tried}\nint main(void) {{ return 0; }}", FileRefused, match)
