"""Uses magics that read, write or configure the host elsewhere.

Has: the text of a cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException, UsageError

STOPPED_BY = (Layer.WASI, Layer.KERNEL)


UNKNOWN = ("%toolchain install x", "%mount /etc", "%install_ext x")
NOT_THERE = (
    "%load /etc/passwd",
    "%save /tmp/planted 1",
    "%edit /etc/passwd",
    "%logstart /tmp/planted",
    "%pycat /etc/passwd",
    "%store x",
    "%gui qt",
    "%bookmark x /",
    "%notebook /tmp/planted",
    "%system id",
    "%alias x id",
)


def test_the_kernel_has_no_such_magic(cell: Cells) -> None:
    for text in UNKNOWN:
        cell.refused(text, UsageError, f"there is no magic {text.split()[0]}")


def test_python_in_its_vm_has_none_either(cell: Cells) -> None:
    for text in NOT_THERE:
        cell.refused(text, CellException, f"{text.split()[0]} is not there")
