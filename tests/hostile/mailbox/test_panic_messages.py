"""Panics with messages that are no text, too long, or of a wild length.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HUGE_NUMBERS, REPLY, hypercall, store8

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestPanic, ProtocolViolation

STOPPED_BY = (Layer.IMAGE, Layer.MAILBOX)


def test_what_is_no_text_is_replaced(attack: Attack) -> None:
    code = store8(REPLY, b"no \xff\xfe text") + hypercall(abi.HC_PANIC, 11)
    attack(code).fails(GuestPanic, "panicked: no \ufffd\ufffd text")


def test_it_is_bounded(attack: Attack) -> None:
    error = attack(hypercall(abi.HC_PANIC, abi.REPLY_AREA_SIZE)).fails(GuestPanic)
    assert len(error.message) < 0x3000


@pytest.mark.parametrize("length", HUGE_NUMBERS, ids=hex)
def test_a_wild_length(attack: Attack, length: int) -> None:
    attack(hypercall(abi.HC_PANIC, length)).fails(ProtocolViolation, "claims a reply")
