"""Asks which files there are.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)


def test_none_of_them_is_there(cell: Cells) -> None:
    probes = "".join(
        f'#if __has_include("{path}")\nseen++;\n#endif\n'
        for path in ("/etc/passwd", "/dev/kvm", "/proc/self/maps", "/root", "/bin/sh")
    )
    source = f'#include <stdio.h>\nint main(void) {{ int seen = 0;\n{probes}printf("%d", seen); }}'
    assert cell(f"%%c\n{source}").stdout == b"0"
