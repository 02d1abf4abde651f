"""Pushes for ever, or points the stack where nothing is.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import mov

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


def test_the_page_below_the_stack_ends_it(attack: Attack) -> None:
    crash = attack(b"\x50\xeb\xfd").fails(GuestCrash, "page fault")
    assert crash.address == abi.STACK - 8


def test_a_wild_stack_pointer(attack: Attack) -> None:
    crash = attack(mov("rsp", 1 << 46) + b"\x50").fails(GuestCrash, "page fault")
    assert crash.address == (1 << 46) - 8
