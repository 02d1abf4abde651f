"""Moves memory through the port with string instructions, repeated.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import DATA, mov

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.EXIT, Layer.MAILBOX)


SETUP = mov("rdx", abi.HYPERCALL_PORT) + mov("rcx", 64) + mov("rsi", DATA) + mov("rdi", DATA)


def test_one_outsd_is_a_hypercall_and_asks_for_none_that_exists(attack: Attack) -> None:
    attack(SETUP + b"\x6f").fails(ProtocolViolation, "unknown hypercall 0x0")


def test_insd_is_an_exit(attack: Attack) -> None:
    attack(SETUP + b"\xf3\x6d").fails(ProtocolViolation, "forbidden exit .*in from port")


def test_repeated_outsd_is_ended_at_the_first(attack: Attack) -> None:
    """KVM may hand over one or many at a time: one is an unknown hypercall, many an exit."""
    attack(SETUP + b"\xf3\x6f").fails(ProtocolViolation, "unknown hypercall 0x0|forbidden exit")
