"""Nests brackets until the compiler's stack ends.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError, UsageError

STOPPED_BY = (Layer.COMPILER, Layer.KERNEL, Layer.HARMLESS)


def test_it_is_a_build_error(cell: Cells) -> None:
    for opening, closing in (("(", ")"), ("-", "")):
        expression = opening * 100_000 + "1" + closing * 100_000
        result = cell(f"%%c -fbracket-depth=1000000\nint main(void) {{ return {expression}; }}")
        assert result.error is None or isinstance(result.error, (BuildError, UsageError))
