"""Runs bytecode that CPython never made.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import Trap

STOPPED_BY = (Layer.WASM,)

TRIES = (
    "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=b'\\xff' * 100)\nf()",
    "exec(compile('x', '', 'exec').replace(co_code=b'\\xff' * 100))",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        cell.refused(f"%%python --timeout 5\n{source}", Trap, "CPython gave up: unreachable code")
