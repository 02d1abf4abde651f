"""Asks KVM itself, with its own paravirtual calls.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import REPLY, loop, mov, save, wait

from hypercell.vmm.errors import GuestCrash, TimedOut

STOPPED_BY = (Layer.PROCESSOR, Layer.LIMITS, Layer.HARMLESS)


CODE = {"vmcall": b"\x0f\x01\xc1", "vmmcall": b"\x0f\x01\xd9"}


@pytest.mark.parametrize("name", CODE)
@pytest.mark.parametrize("number", [1, 5, 9, 10, 11, 12])
def test_it_gains_nothing(attack: Attack, name: str, number: int) -> None:
    """The processor's own instruction gets an error from KVM, the other maker's a fault."""
    raw = attack(mov("rax", number) + CODE[name] + save(REPLY) + wait(8))
    vector = raw.vector_or_wait()
    assert vector in (None, 6, 13, 14)
    if vector is None:
        assert int.from_bytes(raw.machine._memory.view(REPLY, 8), "little", signed=True) < 0


def test_a_flood_of_them_is_ended_by_the_clock(attack: Attack, ticking: None) -> None:
    """Or by a fault at the first, on a processor of the other maker."""
    raw = attack(loop(mov("rax", 1) + CODE["vmcall"]))
    raw.patience(3)
    raw.fails((TimedOut, GuestCrash))
