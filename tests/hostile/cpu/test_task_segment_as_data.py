"""Loads the TSS where a data segment belongs.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import REPLY, mov, store, wait

from hypercell.vmm import cpu_state

STOPPED_BY = (Layer.PROCESSOR, Layer.HARMLESS)


def test_it_gains_nothing(attack: Attack) -> None:
    """A fault, or, where the backend of KVM does not look, a segment that long mode ignores."""
    code = mov("rax", cpu_state.TASK | 3) + b"\x8e\xd8" + store(REPLY, 7) + wait(8)
    raw = attack(code)
    if raw.vector_or_wait() is None:  # what is written lies where it always does
        assert bytes(raw.machine._memory.view(REPLY, 8)) == (7).to_bytes(8, "little")
    else:
        assert raw.host.written == []
