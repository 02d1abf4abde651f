"""Asks for operations that do not exist.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HUGE_NUMBERS, hypercall

from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


@pytest.mark.parametrize("op", [0, 9, 100, *HUGE_NUMBERS], ids=hex)
def test_it_is_refused_by_number(attack: Attack, op: int) -> None:
    attack(hypercall(op)).fails(ProtocolViolation, rf"unknown hypercall {op:#x}.*rip 0x")
