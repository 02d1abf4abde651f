"""Crashes so that its last output is lost.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import HEAD, record, store

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


def test_it_is_not(attack: Attack) -> None:
    raw = attack(record(abi.STDOUT, 4, b"last") + store(HEAD, 16) + b"\x0f\x0b")
    raw.fails(GuestCrash)
    assert raw.host.written == [(abi.STDOUT, b"last")]
