"""Loads segments of ring 0 and returns into them.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import mov, wait

from hypercell.vmm import abi, cpu_state
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = {
    "load a ring-0 data segment": mov("rax", cpu_state.DATA0) + b"\x8e\xd8",
    "retf": b"\x6a\x08\x68\x00\x00\x20\x00\x48\xcb",
    "iretq": b"\x6a\x10\x54\x6a\x02\x6a\x08\x68\x00\x00\x20\x00\x48\xcf",
    "sysexit": b"\x0f\x35",
}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash)
    # AMD's have no sysexit in long mode: invalid opcode, not general protection.
    assert crash.vector in ((6, 13) if name == "sysexit" else (13,))
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
