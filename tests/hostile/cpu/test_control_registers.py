"""Writes and reads control registers: paging off, protection off, another page table.

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
    "lmsw": b"\x31\xc0\x0f\x01\xf0",
    "clts": b"\x0f\x06",
    "mov cr0": b"\x0f\x22\xc0",
    "mov cr2": b"\x0f\x22\xd0",
    "mov cr3": b"\x0f\x22\xd8",
    "mov cr4": b"\x0f\x22\xe0",
    "mov cr8": b"\x44\x0f\x22\xc0",
    "from cr0": b"\x0f\x20\xc0",
    "from cr3": b"\x0f\x20\xd8",
}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash, "general protection")
    assert crash.vector == 13
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
