"""Runs bytecode that CPython never made.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import ExitStatus, TimedOut, Trap

STOPPED_BY = (Layer.WASI, Layer.WASM, Layer.LIMITS)


TRIES = (
    "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=b'\\xff' * 100)\nf()",
    "exec(compile('x', '', 'exec').replace(co_code=b'\\xff' * 100))",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python --timeout 5\n{source}").error
        assert isinstance(error, (CellException, Trap, TimedOut, ExitStatus)), source
