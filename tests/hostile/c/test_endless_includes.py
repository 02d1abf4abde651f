"""Includes a header that includes itself.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


def test_the_compiler_gives_up(cell: Cells) -> None:
    cell('%%file again.h\n#include "again.h"')
    result = cell('%%c\n#include "again.h"\nint main(void) { return 0; }')
    assert isinstance(result.error, BuildError)
    assert "nested too deeply" in str(result.error)
