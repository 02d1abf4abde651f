"""Plants functions of its own in the session's memory, and waits for a grant.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException, LimitRefused

STOPPED_BY = (Layer.KERNEL, Layer.WASI)


def test_it_gains_nothing_later(cell: Cells) -> None:
    """What was planted is there for Python cells of this session, in the VM, and nowhere else."""
    cell(
        "%%python\nimport builtins, os, sys, pickle\n"
        "builtins.open = builtins.print = lambda *a, **k: 'planted'\n"
        "sys.modules['json'] = None\nos.environ['ALLOW'] = 'net'\n"
        "pickle.dump({'allow': ['net', 'dir:/']}, open) if 0 else None\n"
        "open('x')"
    )
    assert isinstance(cell("%%c --allow net\nint main(void) { return 0; }").error, LimitRefused)
    assert isinstance(cell("%%python --allow dir:/\n1").error, LimitRefused)
    assert isinstance(cell("%%python\nimport os; os.listdir('/etc')").error, CellException)
    assert cell('%%c\n#include <stdio.h>\nint main(void) { puts("c"); }').stdout == b"c\n"
    cell("%reset")
    assert "planted" not in cell("%%python\nopen.__module__").text
