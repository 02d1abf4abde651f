"""Is no module: cut off, ill-typed, or of a newer proposal.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import BuildError

STOPPED_BY = (Layer.COMPILER,)


START = '(func (export "_start")'
MODULES = (
    "(func (result i32))",
    f"{START} (i32.add))",
    '(func (export "a")) (func (export "a"))',
    f"{START} (local.get 7))",
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 20\n(module {module})").error
        assert isinstance(error, BuildError), module[:200]
