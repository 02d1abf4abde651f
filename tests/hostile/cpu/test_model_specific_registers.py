"""Reads and writes MSRs: EFER, the entry of system calls, the time stamp.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import mov, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = {
    "rdmsr efer": mov("rcx", 0xC000_0080) + b"\x0f\x32",
    "rdmsr tsc": mov("rcx", 0x10) + b"\x0f\x32",
    "wrmsr efer": mov("rcx", 0xC000_0080) + b"\x0f\x30",
    "wrmsr lstar": mov("rcx", 0xC000_0082) + b"\x0f\x30",
    "wrmsr gs base": mov("rcx", 0xC000_0101) + b"\x0f\x30",
}


@pytest.mark.parametrize("name", CODE)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(CODE[name] + wait()).fails(GuestCrash, "general protection")
    assert crash.vector == 13
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE
