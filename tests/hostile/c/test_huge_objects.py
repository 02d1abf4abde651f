"""Declares objects that no machine has.

Has: the source of a C cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


def test_the_compilers_vm_runs_out_of_memory(cell: Cells) -> None:
    for declaration in ("char a[3000000000u];", "char a[1500000000] = {1};"):
        result = cell(f"%%c\n{declaration}\nint main(void) {{ a[5] = 1; return a[6]; }}")
        assert isinstance(result.error, BuildError)
