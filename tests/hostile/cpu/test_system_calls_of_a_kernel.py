"""Enters a kernel that is not there.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import wait

from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = {
    "syscall": b"\x0f\x05",
    "sysret": b"\x48\x0f\x07",
    "sysenter": b"\x0f\x34",
    "int 0x80": b"\xcd\x80",
}


@pytest.mark.parametrize("name", CODE)
def test_it_ends_the_vm(attack: Attack, name: str) -> None:
    """Unknown or forbidden; one backend of KVM goes to a kernel's entry, where nothing is."""
    vectors = (6, 14) if name == "syscall" else (6, 13)
    assert attack(CODE[name] + wait()).fails(GuestCrash).vector in vectors
