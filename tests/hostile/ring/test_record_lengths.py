"""Lies about the length of a record: past the head, past the ring, wrapping.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HEAD, record, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


@pytest.mark.parametrize("length", [9, 0x1_0000, 0x1_0001, 1 << 31, (1 << 32) - 1], ids=hex)
def test_a_length_that_is_a_lie(attack: Attack, length: int) -> None:
    code = record(abi.STDOUT, length) + store(HEAD, 16) + wait()
    attack(code).fails(ProtocolViolation, f"claims {length} bytes")


def test_a_length_over_the_limit_in_a_full_ring(attack: Attack) -> None:
    code = record(abi.STDOUT, abi.RECORD_MAX + 8) + store(HEAD, abi.RING_SIZE) + wait()
    attack(code).fails(ProtocolViolation, "claims")
