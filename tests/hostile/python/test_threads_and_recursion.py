"""Starts threads, and recurses without end.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import MemoryLimitExceeded

STOPPED_BY = (
    Layer.WASI,
    Layer.LIMITS,
)

RECURSION = "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()"


def test_there_are_no_threads(cell: Cells) -> None:
    source = "%%python\nimport threading; threading.Thread(target=print).start()"
    cell.refused(source, CellException, "can't start new thread")


def test_recursion_ends_at_the_memory_limit(cell: Cells) -> None:
    text = f"%%python --timeout 20\n{RECURSION}"
    cell.refused(text, MemoryLimitExceeded, "needed more than 512 MiB")


def test_the_parser_has_an_end(cell: Cells) -> None:
    source = "%%python\nexec('(' * 100000 + ')' * 100000)"
    cell.refused(source, CellException, "Parser stack overflowed")
