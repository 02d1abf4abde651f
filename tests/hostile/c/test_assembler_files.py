"""Has the assembler read files of the host.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


TRIES = ('.incbin \\"/etc/passwd\\"', '.include \\"/etc/passwd\\"', '.incbin \\"/proc/self/maps\\"')


def test_it_is_refused(cell: Cells) -> None:
    for tried in TRIES:
        error = cell(f'%%c\n__asm__("{tried}");\nint main(void) {{ return 0; }}').error
        assert isinstance(error, BuildError), tried
