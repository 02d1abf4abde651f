"""Links out of /home and follows the link.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)


TRIES = (
    "import os\nos.symlink('/etc/passwd', '/home/l')\nopen('/home/l').read()",
    "import os\nos.symlink('../../../etc/passwd', '/home/m')\nopen('/home/m').read()",
    "import os\nos.link('/etc/passwd', '/home/n')",
    "import os\nos.rename('/etc/passwd', '/home/o')",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python \n{source}").error
        assert isinstance(error, CellException), source
