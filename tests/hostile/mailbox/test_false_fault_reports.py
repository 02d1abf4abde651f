"""Reports a fault that never was, with wild numbers.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import hypercall

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


def test_they_are_shown_as_they_are(attack: Attack) -> None:
    wild = (1 << 64) - 1
    crash = attack(hypercall(abi.HC_FAULT, *([wild] * 6))).fails(GuestCrash, "unknown exception")
    assert crash.vector == wild
