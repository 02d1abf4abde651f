"""Opens files of the host, by every spelling.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)


SOURCE = """%%c
#include <stdio.h>
int main(void) {
  const char *names[] = {"/etc/passwd", "/etc/shadow", "/proc/self/mem", "/dev/kvm", "//etc/passwd",
                         "/../../../etc/passwd", "/home/../../etc/passwd", "/home/./../etc/passwd"};
  for (int i = 0; i < 8; i++) printf("%d", fopen(names[i], "r") != 0);
}"""


def test_none_is_there(cell: Cells) -> None:
    assert cell(SOURCE).stdout == b"00000000"
