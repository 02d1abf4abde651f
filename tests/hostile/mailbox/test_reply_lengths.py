"""Claims replies of any length: 0, the whole area, more, 2^63, wrapping.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HUGE_NUMBERS, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX, Layer.HARMLESS)


@pytest.mark.parametrize("length", [abi.REPLY_AREA_SIZE + 1, *HUGE_NUMBERS], ids=hex)
def test_longer_than_its_area(attack: Attack, length: int) -> None:
    attack(wait(length)).fails(ProtocolViolation, f"reply of {length:#x} bytes")


@pytest.mark.parametrize("length", [0, 1, abi.REPLY_AREA_SIZE])
def test_up_to_its_area(attack: Attack, length: int) -> None:
    reply = attack(wait(length)).start()
    assert isinstance(reply, bytes)
    assert reply == bytes(length)
