"""Has the compiler write files.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "-o /tmp/planted",
    "-MD -MF /tmp/planted",
    "-save-temps",
    "-ftime-trace=/tmp/planted",
    "-E",
    "-S",
    "-dependency-file /tmp/planted",
    "--serialize-diagnostics /tmp/planted",
)


def test_it_is_refused(cell: Cells) -> None:
    for tried in TRIES:
        error = cell(f"%%c {tried}\nint main(void) {{ return 0; }}").error
        assert isinstance(error, UsageError), tried
