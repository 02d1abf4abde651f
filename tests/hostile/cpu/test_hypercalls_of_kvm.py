"""Asks KVM itself, with its own paravirtual calls.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import loop, mov, wait

from hypercell.vmm.errors import GuestCrash, TimedOut

STOPPED_BY = (Layer.PROCESSOR, Layer.LIMITS, Layer.HARMLESS)


CODE = {"vmcall": b"\x0f\x01\xc1", "vmmcall": b"\x0f\x01\xd9"}


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize("number", [1, 5, 9, 10, 11, 12])
def test_it_gains_nothing(attack: Attack, name: str, number: int) -> None:
    """An error in rax, or a fault: both end in the guest."""
    assert attack(mov("rax", number) + CODE[name] + wait()).vector_or_wait() in (None, 6, 13, 14)


def test_a_flood_of_them_is_ended_by_the_clock(attack: Attack, ticking: None) -> None:
    raw = attack(loop(mov("rax", 1) + CODE["vmcall"]))
    raw.patience(3)
    raw.fails((TimedOut, GuestCrash))
