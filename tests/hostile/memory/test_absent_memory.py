"""Reads and writes where nothing is mapped: between regions, and beyond the last.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import VARIES, load, store

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


ABSENT = {
    "null": 0,
    "page 0": 0xFF8,
    "low gap": abi.FAULT_RECORD + abi.PAGE,
    "fault stack guard": abi.FAULT_STACK - 8,
    "above the fault stack": abi.FAULT_STACK + abi.FAULT_STACK_SIZE,
    "behind the image": abi.IMAGE + abi.IMAGE_SIZE - 8,
    "stack guard": abi.STACK - 8,
    "gap above the tables": abi.TABLES_BASE + abi.TABLES_SIZE,
    "page after the mailbox": abi.SHARED_BASE + 2 * abi.PAGE,
    "behind the shared region": abi.SHARED_BASE + abi.SHARED_SIZE,
    "pool": abi.POOL_BASE,
    "code window": abi.CODE_BASE,
    "layer window": abi.LAYER_BASE,
    "arena 0": abi.ARENA_BASE,
    "last arena": abi.ARENA_BASE + (abi.ARENA_COUNT - 1) * abi.ARENA_STRIDE,
    "behind the arenas": abi.ARENA_BASE + abi.ARENA_COUNT * abi.ARENA_STRIDE,
    "code slot": abi.CODE_GPA,
    "top of user space": (1 << 47) - 8,
    "kernel half": 0xFFFF_8000_0000_0000,
    "vsyscall page": 0xFFFF_FFFF_FF60_0000,
    "last page": 0xFFFF_FFFF_FFFF_F000,
}


@pytest.mark.parametrize("place", ABSENT)
def test_reading(attack: Attack, place: str) -> None:
    crash = attack(load(ABSENT[place])).fails(GuestCrash, "page fault")
    assert (crash.vector, crash.error & ~VARIES, crash.address) == (14, 4, ABSENT[place])


@pytest.mark.parametrize("place", ABSENT)
def test_writing(attack: Attack, place: str) -> None:
    crash = attack(store(ABSENT[place], 1)).fails(GuestCrash, "page fault")
    assert (crash.vector, crash.error & ~VARIES, crash.address) == (14, 6, ABSENT[place])
