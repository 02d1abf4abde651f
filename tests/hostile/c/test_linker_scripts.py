"""Has the linker read files or be another program.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    ("-Wl,-T,/etc/passwd", "unknown flag"),
    ("-T /etc/passwd", "unknown flag '-T'"),
    ("-l:/etc/passwd", "the name of a library has no such characters"),
    ("-fuse-ld=/bin/sh", "unknown flag"),
    ("-specs=/etc/passwd", "unknown flag"),
    ("-B/tmp", "'-B/tmp' is not allowed"),
    ("--sysroot=/", "no option --sysroot"),
    ("--ld-path=/bin/sh", "no option --ld-path"),
    ("-resource-dir /", "unknown flag '-resource-dir'"),
)


def test_it_is_refused(cell: Cells) -> None:
    for tried, match in TRIES:
        cell.refused(f"%%c {tried}\nint main(void) {{ return 0; }}", UsageError, match)
