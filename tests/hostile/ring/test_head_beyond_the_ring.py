"""Claims more output than the ring holds, or takes some back.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HEAD, record, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX, Layer.HARMLESS)


@pytest.mark.parametrize(
    "head", [abi.RING_SIZE + 1, abi.RING_SIZE + 8, 1 << 32, 1 << 63, (1 << 64) - 1], ids=hex
)
def test_a_head_beyond_the_ring(attack: Attack, head: int) -> None:
    attack(store(HEAD, head) + wait()).fails(ProtocolViolation, "output ring claims")


def test_a_head_that_goes_back(attack: Attack) -> None:
    whole = record(abi.STDOUT, 8, b"12345678") + store(HEAD, 16)
    raw = attack(whole + wait() + store(HEAD, 8) + wait())
    raw.start()
    raw.fails(ProtocolViolation, "output ring claims", start=False)
