"""Uses addresses that no processor has.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import load, mov

from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


@pytest.mark.parametrize(
    "address", [0x0000_8000_0000_0000, 0x8000_0000_0000_0000, 0xFFFF_7FFF_FFFF_FFF8], ids=hex
)
def test_reading(attack: Attack, address: int) -> None:
    assert attack(load(address)).fails(GuestCrash, "general protection").vector == 13


def test_jumping(attack: Attack) -> None:
    attack(mov("rax", 1 << 62) + b"\xff\xe0").fails(GuestCrash, "general protection")
