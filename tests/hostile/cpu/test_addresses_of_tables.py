"""Reads where the tables lie: an address of the host would be worth much.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import struct

import pytest
from harness import Attack
from layers import Layer
from rawguest import REPLY, mov, wait

from hypercell.vmm import cpu_state

STOPPED_BY = (Layer.PROCESSOR, Layer.HARMLESS)


CODE = {"sgdt": b"\x0f\x01\x01", "sidt": b"\x0f\x01\x09"}


@pytest.mark.parametrize("name", CODE)
def test_they_are_the_guests_constants(attack: Attack, name: str) -> None:
    """A fault, where UMIP forbids it; else what stands in docs/abi.md, or the backend's own."""
    raw = attack(mov("rcx", REPLY) + CODE[name] + wait(16))
    if raw.vector_or_wait() is None:
        address = struct.unpack("<Q", bytes(raw.machine._memory.view(REPLY + 2, 8)))[0]
        known = {base for base, _ in cpu_state.DESCRIPTOR_TABLES.values()}
        assert address in known or address >> 47 == 0x1FFFF
