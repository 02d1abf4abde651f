"""Reads, writes and executes the stack of ring 0.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import load, mov, store

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


PLACE = abi.KERNEL_STACK


def test_reading(attack: Attack) -> None:
    crash = attack(load(PLACE)).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (5, PLACE)


def test_writing(attack: Attack) -> None:
    crash = attack(store(PLACE, 1)).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (7, PLACE)


def test_executing(attack: Attack) -> None:
    crash = attack(mov("rax", PLACE) + b"\xff\xe0").fails(GuestCrash, "page fault")
    assert (crash.error, crash.rip) == (0x15, PLACE)
