"""Loads tables of its own: GDT, IDT, LDT, TSS.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import DATA, mov, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = {
    "lgdt": mov("rax", DATA) + b"\x0f\x01\x10",
    "lidt": mov("rax", DATA) + b"\x0f\x01\x18",
    "lldt": b"\x31\xc0\x0f\x00\xd0",
    "ltr": b"\x31\xc0\x0f\x00\xd8",
}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash, "general protection")
    assert crash.vector == 13
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
