"""Writes to streams that do not exist.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HEAD, record, store, wait

from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


@pytest.mark.parametrize("stream", [0, 4, 1 << 31, (1 << 32) - 1], ids=hex)
def test_it_is_named(attack: Attack, stream: int) -> None:
    code = record(stream, 8, bytes(8)) + store(HEAD, 16) + wait()
    attack(code).fails(ProtocolViolation, f"names stream {stream}")
