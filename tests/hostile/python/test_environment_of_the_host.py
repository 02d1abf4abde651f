"""Reads the environment and the arguments of the process.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)


def test_it_is_the_guests(cell: Cells) -> None:
    """The test planted a secret in the environment of the kernel process."""
    result = cell("%%python\nimport os, sys\nprint(dict(os.environ), sys.argv, sys.path)")
    assert b"'HOME': '/home'" in result.stdout
    assert b"HYPERCELL_TEST_SECRET" not in result.stdout
