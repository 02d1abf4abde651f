"""Takes the kernel's GS, or switches on more of the processor.

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


CODE = {"swapgs": b"\x0f\x01\xf8", "xsetbv": b"\x31\xc9\x31\xd2\x31\xc0\x0f\x01\xd1"}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash, "general protection")
    assert crash.vector == 13
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
