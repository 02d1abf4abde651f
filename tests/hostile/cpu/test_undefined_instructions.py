"""Runs what the processor does not know, or only with features that are hidden.

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
    "ud2": b"\x0f\x0b",
    "monitor": b"\x0f\x01\xc8",
    "mwait": b"\x0f\x01\xc9",
    "encls": b"\x0f\x01\xcf",
    "getsec": b"\x0f\x37",
}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash)
    # What may not wait is refused as unknown or as forbidden, by the backend of KVM.
    assert crash.vector in ((6, 13) if name in ("monitor", "mwait") else (6,))
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
