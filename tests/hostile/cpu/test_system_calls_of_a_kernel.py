"""Enters a kernel that is not there.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import wait

from hypercell.vmm.errors import GuestError

STOPPED_BY = (Layer.PROCESSOR, Layer.EXIT, Layer.MAILBOX)


CODE = {
    "syscall": b"\x0f\x05",
    "sysret": b"\x48\x0f\x07",
    "sysenter": b"\x0f\x34",
    "int 0x80": b"\xcd\x80",
}


@pytest.mark.parametrize("name", CODE)
def test_it_ends_the_vm(attack: Attack, name: str) -> None:
    """What the backends of KVM answer differently: any typed error, and never a success."""
    attack(CODE[name] + wait()).fails(GuestError)
