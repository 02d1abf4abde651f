"""Nests brackets and signs until the compiler's stack ends.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)

DEPTH = 100_000
TRIES = (
    ("return " + "- " * DEPTH + "1;", "the compiler came to the end of its stack"),
    ("{" * DEPTH + "}" * DEPTH, "bracket nesting level exceeded maximum"),
)


def test_it_is_a_build_error(cell: Cells) -> None:
    for body, match in TRIES:
        cell.refused(f"%%c\nint main(void) {{ {body} }}", BuildError, match)
