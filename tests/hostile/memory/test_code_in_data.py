"""Writes code where it may write, and jumps there.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import DATA, MAILBOX, REPLY, hypercall, mov, store

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


NO_EXECUTE = {
    "data": DATA,
    "heap": abi.HEAP,
    "stack": abi.STACK + abi.PAGE,
    "fault stack": abi.FAULT_STACK,
    "fault record": abi.FAULT_RECORD,
    "mailbox": MAILBOX,
    "ring": abi.SHARED_BASE + abi.RING,
    "reply area": REPLY,
    "command area": abi.SHARED_BASE + abi.COMMAND_AREA,
}


@pytest.mark.parametrize("place", NO_EXECUTE)
def test_executing_data(attack: Attack, place: str) -> None:
    crash = attack(mov("rax", NO_EXECUTE[place]) + b"\xff\xe0").fails(GuestCrash, "page fault")
    assert (crash.error, crash.rip) == (0x15, NO_EXECUTE[place])


def test_code_in_grown_memory(attack: Attack) -> None:
    """Fresh memory from the host is no exception."""
    arena = abi.ARENA_BASE + abi.ARENA_STRIDE
    code = hypercall(abi.HC_GROW, 1, 0, abi.PAGE) + store(arena, 0xC3)
    crash = attack(code + mov("rax", arena) + b"\xff\xe0").fails(GuestCrash, "page fault")
    assert crash.rip == arena
