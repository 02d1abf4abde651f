"""Opens files of the host.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException

STOPPED_BY = (Layer.WASI,)


TRIES = (
    "open('/etc/shadow').read()",
    "open('/proc/self/mem', 'rb').read(1)",
    "open('/../../etc/passwd').read()",
    "open('/dev/kvm', 'rb')",
    "open('/home/../../etc/passwd')",
    "import os; os.listdir('/proc')",
    "open('/etc/planted', 'w')",
    "import os; os.open('/etc/passwd', 0)",
)


def test_it_is_refused(cell: Cells) -> None:
    for source in TRIES:
        error = cell(f"%%python \n{source}").error
        assert isinstance(error, CellException), source
