"""Names host files on the command line.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError, UsageError

STOPPED_BY = (Layer.COMPILER, Layer.KERNEL)


FOUND = ("-include /etc/passwd", "-imacros /etc/passwd")
REFUSED = (
    ("-x c /etc/passwd", "'-x' is not allowed"),
    ("/etc/passwd", "unknown flag '/etc/passwd'"),
    ("-idirafter /etc passwd", "unknown flag 'passwd'"),
)


def test_there_is_nothing_to_include(cell: Cells) -> None:
    for flags in FOUND:
        text = f"%%c {flags}\nint main(void) {{ return 0; }}"
        cell.refused(text, BuildError, "'/etc/passwd' file not found")


def test_a_cell_has_no_other_input(cell: Cells) -> None:
    for flags, match in REFUSED:
        cell.refused(f"%%c {flags}\nint main(void) {{ return 0; }}", UsageError, match)
