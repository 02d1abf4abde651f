"""Moves memory through the port with string instructions, repeated.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import DATA, mov

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash, ProtocolViolation

STOPPED_BY = (Layer.EXIT, Layer.PROCESSOR, Layer.MAILBOX)


@pytest.mark.parametrize(
    "prefix", [b"\xf3\x6f", b"\xf3\x6d", b"\x6f"], ids=["rep outsd", "rep insd", "outsd"]
)
def test_string_instructions_gain_nothing(attack: Attack, prefix: bytes) -> None:
    """At most an `outsd` counts as a hypercall, and this one asks for none that exists."""
    code = mov("rdx", abi.HYPERCALL_PORT) + mov("rcx", 64) + mov("rsi", DATA) + mov("rdi", DATA)
    attack(code + prefix).fails((ProtocolViolation, GuestCrash))
