"""Reads and writes ports of a PC's devices.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import ACCESS, mov

from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


OTHERS = (0, 0x20, 0x60, 0x64, 0x80, 0x3F4, 0x3F7, 0x3FC, 0x3FD, 0x400, 0xCF8, 0xFFFD, 0xFFFF)


@pytest.mark.parametrize("access", ACCESS)
@pytest.mark.parametrize("port", OTHERS, ids=hex)
def test_another_port_is_a_protection_fault(attack: Attack, port: int, access: str) -> None:
    crash = attack(mov("rdx", port) + ACCESS[access]).fails(GuestCrash, "general protection")
    assert crash.vector == 13
