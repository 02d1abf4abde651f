"""Starts a VM of its own, or takes over the monitor's role.

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
    "vmrun": b"\x0f\x01\xd8",
    "vmload": b"\x0f\x01\xda",
    "vmxoff": b"\x0f\x01\xc4",
    "vmlaunch": b"\x0f\x01\xc2",
    "vmxon": b"\xf3\x0f\xc7\x30",
    "rsm": b"\x0f\xaa",
}


@pytest.mark.parametrize("name", CODE)
def test_it_ends_the_vm(attack: Attack, name: str) -> None:
    """What the backends of KVM answer differently: any typed error, and never a success."""
    attack(CODE[name] + wait()).fails(GuestError)
