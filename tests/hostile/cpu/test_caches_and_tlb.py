"""Drops caches and translations: what a neighbour needs, or what hides a change.

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


CODE = {
    "invlpg": b"\x0f\x01\x38",
    "invd": b"\x0f\x08",
    "wbinvd": b"\x0f\x09",
    "invpcid": b"\x66\x0f\x38\x82\x00",
}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash)
    # A processor without it does not know it: invalid opcode, not general protection.
    assert crash.vector in ((6, 13) if name == "invpcid" else (13,))
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
