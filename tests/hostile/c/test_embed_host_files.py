"""Embeds files of the host as data.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


TRIES = ("/etc/passwd", "/dev/zero", "../../etc/passwd", "/proc/1/environ")
SOURCE = """%%c -std=c23
const char x[] = {{
#embed "{file}"
}};
int main(void) {{ return 0; }}"""


def test_it_is_refused(cell: Cells) -> None:
    for tried in TRIES:
        assert isinstance(cell(SOURCE.format(file=tried)).error, BuildError), tried
