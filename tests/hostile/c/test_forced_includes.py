"""Names host files on the command line.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError, UsageError

STOPPED_BY = (Layer.COMPILER, Layer.KERNEL)


TRIES = (
    "-include /etc/passwd",
    "-imacros /etc/passwd",
    "-x c /etc/passwd",
    "/etc/passwd",
    "-idirafter /etc passwd",
)


def test_it_is_refused(cell: Cells) -> None:
    for tried in TRIES:
        error = cell(f"%%c {tried}\nint main(void) {{ return 0; }}").error
        assert isinstance(error, (BuildError, UsageError)), tried
