"""Has the linker read files or be another program.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError, UsageError

STOPPED_BY = (Layer.KERNEL, Layer.COMPILER)


TRIES = (
    "-Wl,-T,/etc/passwd",
    "-T /etc/passwd",
    "-l:/etc/passwd",
    "-fuse-ld=/bin/sh",
    "-specs=/etc/passwd",
    "-B/tmp",
    "--sysroot=/",
    "--ld-path=/bin/sh",
    "-resource-dir /",
)


def test_it_is_refused(cell: Cells) -> None:
    for tried in TRIES:
        error = cell(f"%%c {tried}\nint main(void) {{ return 0; }}").error
        assert isinstance(error, (BuildError, UsageError)), tried
