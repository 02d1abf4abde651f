"""Imports functions that a host might have.

Has: a WebAssembly module of its own.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import LinkError

STOPPED_BY = (Layer.WASM,)


START = '(func (export "_start")'
MODULES = (
    f'(import "env" "system" (func)) {START})',
    f'(import "wasi_snapshot_preview1" "proc_exec" (func)) {START})',
    f'(import "wasi_unstable" "fd_write" (func)) {START})',
    f'(import "hypercell" "grow" (func)) {START})',
)


def test_it_ends_there(cell: Cells) -> None:
    for module in MODULES:
        error = cell(f"%%wat --timeout 20\n(module {module})").error
        assert isinstance(error, LinkError), module[:200]
