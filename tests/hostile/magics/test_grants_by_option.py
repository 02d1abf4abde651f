"""Grants itself directories, network, packages.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "%%c --dir /::/host\nint main(void) { return 0; }",
    "%%c --allow net\nint main(void) { return 0; }",
    "%%c --allow dir:/\nint main(void) { return 0; }",
    "%%c --allow ../..\nint main(void) { return 0; }",
    "%%python --allow *\n1",
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, UsageError), text
