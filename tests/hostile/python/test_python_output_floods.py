"""Writes and shows without end.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import OutputLimitExceeded

STOPPED_BY = (Layer.LIMITS,)


TRIES = ("while True: print('x' * 100000)", "import sys\nwhile True: sys.stderr.write('y' * 1000)")


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python --timeout 20\n{source}").error
        assert isinstance(error, OutputLimitExceeded), source
