"""Makes links in /home that lead out of it, and includes them in the next cell.

Has: the source of a C cell, and the files that it may write.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER, Layer.HARMLESS)

LINKS = """%%c
#include <stdio.h>
#include <unistd.h>
int main(void) {
  printf("%d", symlink("../etc/passwd", "/home/up.h"));
  printf("%d", symlink("/etc/passwd", "/home/root.h"));
  printf("%d", symlink("/dev/zero", "/home/zero.h"));
  printf("%d", symlink("loop.h", "/home/loop.h"));
}"""


def test_they_lead_nowhere(cell: Cells) -> None:
    """A link may be made, and what it says is looked up in the compiler's own VM."""
    assert cell(LINKS).stdout == b"0-1-10"  # absolute ones leave their directory
    for name in ("up", "root", "zero", "loop"):
        text = f'%%c\n#include "{name}.h"\nint main(void) {{ return 0; }}'
        cell.refused(text, BuildError, f"{name}.h")
