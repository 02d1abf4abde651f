"""Uses magics that read, write or configure the host elsewhere.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException, UsageError

STOPPED_BY = (Layer.WASI, Layer.KERNEL)


TRIES = (
    "%load /etc/passwd",
    "%save /tmp/planted 1",
    "%edit /etc/passwd",
    "%logstart /tmp/planted",
    "%pycat /etc/passwd",
    "%notebook /tmp/planted",
    "%load_ext os",
    "%config x",
    "%store x",
    "%gui qt",
    "%toolchain install x",
    "%bookmark x /",
)


def test_it_is_refused(cell: Cells) -> None:
    for text in TRIES:
        assert isinstance(cell(text).error, (CellException, UsageError)), text
