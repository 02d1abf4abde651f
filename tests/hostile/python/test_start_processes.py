"""Starts and signals processes.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)


TRIES = (
    "import os; os.system('id')",
    "import subprocess; subprocess.run(['id'])",
    "import os; os.fork()",
    "import os; os.execv('/bin/sh', ['sh'])",
    "import os; os.kill(1, 9)",
    "import multiprocessing; multiprocessing.Process(target=print).start()",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python \n{source}").error
        assert isinstance(error, CellException), source
