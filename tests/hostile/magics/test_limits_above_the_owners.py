"""Takes more than the owner allows.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "%%c --mem 1T\nint main(void) { return 0; }",
    "%%c --mem 100000G\nint main(void) { return 0; }",
    "%%c --mem 900G\nint main(void) { return 0; }",
    "%%c --mem -1\nint main(void) { return 0; }",
    "%%c --timeout 1e9\nint main(void) { return 0; }",
    "%%c --timeout 99999h\nint main(void) { return 0; }",
    "%%c --timeout 999999\nint main(void) { return 0; }",
    "%%c --timeout -1\nint main(void) { return 0; }",
    "%%c --timeout inf\nint main(void) { return 0; }",
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, UsageError), text
