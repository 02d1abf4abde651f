"""Overwrites the host's own position in the ring.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HEAD, TAIL, hypercall, record, store, wait

from hypercell.vmm import abi

STOPPED_BY = (Layer.HARMLESS,)


@pytest.mark.parametrize("tail", [1, 1 << 20, 1 << 63, (1 << 64) - 1], ids=hex)
def test_it_means_nothing(attack: Attack, tail: int) -> None:
    """The host keeps the tail itself and never reads it back."""
    code = store(TAIL, tail) + record(abi.STDERR, 3, b"abc") + store(HEAD, 16)
    raw = attack(code + hypercall(abi.HC_FLUSH) + wait())
    assert raw.start() == b""
    assert raw.host.written == [(abi.STDERR, b"abc")]
