"""Adds files that are not the session's to the program.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import FileRefused, UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = ("--add ../../x", "--add /etc/passwd", "--add /home/../etc/passwd", "--add ''")


def test_it_is_refused(cell: Cells) -> None:
    for tried in TRIES:
        error = cell(f"%%c {tried}\nint main(void) {{ return 0; }}").error
        assert isinstance(error, (FileRefused, UsageError)), tried
