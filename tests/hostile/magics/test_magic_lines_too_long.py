"""Makes the kernel parse what never ends.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "%%c " + "--args x " * 5000 + "\nint main(void) { return 0; }",
    "%%c '\nint main(void) { return 0; }",
    "%undo 99999999999",
    "%undo -5",
    "%%" + "x" * 10_000,
    "%" * 1000,
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, UsageError), text
