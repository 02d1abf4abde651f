"""Makes the compiler load more than it should at the end of memory: CVE-2026-24116, CVE-2026-34944.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

STOPPED_BY = (Layer.HARMLESS,)


START = '(func (export "_start")'
MODULES = (
    (f"(memory 1) {START} (drop (f64.copysign (f64.const 1) (f64.load (i32.const 65528)))))"),
    f"(memory 1) {START} (drop (f64x2.splat (f64.load (i32.const 65528)))))",
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 20\n(module {module})").error
        assert isinstance(error, type(None)), module[:200]
