"""Hides control characters and paths in names.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "%%c --name ../../x\nint main(void) { return 0; }",
    "%%c --name '\x1b[2J'\nint main(void) { return 0; }",
    "%%file \x00x\na",
    "%%c --name " + "x" * 500 + "\nint main(void) { return 0; }",
    "%%c --env A\x00=1\nint main(void) { return 0; }",
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, UsageError), text
