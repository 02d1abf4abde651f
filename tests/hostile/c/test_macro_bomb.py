"""Ten lines that stand for a hundred million.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


def test_the_compilers_vm_runs_out_of_memory(cell: Cells) -> None:
    lines = [f"#define A{n} {f'A{n - 1} ' * 10}" for n in range(1, 9)]
    lines += ["#define A0 0,", "int x[] = {A8 0};", "int main(void) { return 0; }"]
    result = cell("\n".join(["%%c", *lines]))
    assert isinstance(result.error, BuildError)
    assert "needed more than" in str(result.error)
