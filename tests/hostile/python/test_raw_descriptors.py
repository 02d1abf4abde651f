"""Writes to every descriptor, as if messages of the kernel went over one.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)


def test_it_reaches_its_own_streams_only(cell: Cells) -> None:
    result = cell(
        "%%python\nimport os\nfor fd in range(3, 200):\n"
        "    try: os.write(fd, bytes(80)); print(fd)\n"
        "    except OSError: pass\n40 + 2"
    )
    assert result.error is None
    assert result.text == "42"
