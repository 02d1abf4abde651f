"""Ten lines that stand for a text of a gigabyte.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


def test_the_compilers_vm_runs_out_of_memory(cell: Cells) -> None:
    """Memory ends it long before the time for a compile does."""
    lines = [f"#define A{n} {f'A{n - 1} ' * 10}" for n in range(1, 7)]
    lines += ['#define A0 "' + "x" * 1000 + '"', "char x[] = A6;", "int main(void) { return 0; }"]
    cell.refused("\n".join(["%%c", *lines]), BuildError, "needed more than 1024 MiB of memory")
