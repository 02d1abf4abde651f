"""Has the compiler search the host's directories.

Has: the magic line of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


def test_there_is_nothing_to_find(cell: Cells) -> None:
    for flags in ("-I/etc", "-I/", "-I../../../etc", "-isystem /etc", "-iquote /etc"):
        text = f'%%c {flags}\n#include "passwd"\nint main(void) {{ return 0; }}'
        cell.refused(text, BuildError, "'passwd' file not found")
