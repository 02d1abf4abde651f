"""Stops the processor or its interrupts.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = {"cli": b"\xfa", "sti": b"\xfb", "hlt": b"\xf4"}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash, "general protection")
    assert crash.vector == 13
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
