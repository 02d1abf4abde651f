"""Writes to its own code, and to what the host alone writes.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import store

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


READ_ONLY = {
    "text": abi.IMAGE,
    "fault record": abi.FAULT_RECORD,
    "stdin area": abi.SHARED_BASE + abi.STDIN_AREA,
    "command area": abi.SHARED_BASE + abi.COMMAND_AREA,
}


@pytest.mark.parametrize("place", READ_ONLY)
def test_writing_what_is_read_only(attack: Attack, place: str) -> None:
    crash = attack(store(READ_ONLY[place], 1)).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (7, READ_ONLY[place])
