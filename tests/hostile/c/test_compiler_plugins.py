"""Loads code into the compiler, or reaches its inner options.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import UsageError

STOPPED_BY = (Layer.KERNEL,)


TRIES = (
    "-Xclang -load -Xclang /tmp/x.so",
    "-fplugin=/tmp/x.so",
    "-fpass-plugin=/tmp/x.so",
    "-mllvm -print-after-all",
    "-cc1",
    "-Xlinker -T",
    "-Xassembler -I/",
)


def test_it_is_refused(cell: Cells) -> None:
    for tried in TRIES:
        error = cell(f"%%c {tried}\nint main(void) {{ return 0; }}").error
        assert isinstance(error, UsageError), tried
