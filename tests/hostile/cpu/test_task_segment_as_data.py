"""Loads the TSS where a data segment belongs.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import mov, wait

from hypercell.vmm import cpu_state

STOPPED_BY = (Layer.PROCESSOR, Layer.HARMLESS)


def test_it_gains_nothing(attack: Attack) -> None:
    code = mov("rax", cpu_state.TASK | 3) + b"\x8e\xd8" + wait()
    assert attack(code).vector_or_wait() in (None, 6, 13, 14)
