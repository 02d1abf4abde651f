"""Leaves finalizers and exit handlers that act later.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)


def test_they_run_in_the_guest_or_not_at_all(cell: Cells) -> None:
    cell(
        "%%python\nimport atexit, gc\nclass A:\n    def __del__(self): open('/etc/passwd')\n"
        "a = A()\natexit.register(lambda: open('/etc/shadow'))\nb = a\nb.self = b\ndel a, b"
    )
    assert cell("%%python\nimport gc; gc.collect(); 6 * 7").text == "42"
