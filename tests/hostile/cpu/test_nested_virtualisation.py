"""Starts a VM of its own, or takes over the monitor's role.

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
    "vmrun": b"\x0f\x01\xd8",
    "vmload": b"\x0f\x01\xda",
    "vmxoff": b"\x0f\x01\xc4",
    "vmlaunch": b"\x0f\x01\xc2",
    "vmxon": b"\xf3\x0f\xc7\x30",
    "rsm": b"\x0f\xaa",
}


@pytest.mark.parametrize("name", CODE)
def test_it_ends_the_vm(attack: Attack, name: str) -> None:
    """Unknown or forbidden, by processor and backend of KVM; never a success."""
    assert attack(CODE[name] + wait()).fails(GuestCrash).vector in (6, 13)
