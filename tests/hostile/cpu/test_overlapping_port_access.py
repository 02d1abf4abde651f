"""Reaches a closed port with a wide access that begins at an open one.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import ACCESS, mov

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


@pytest.mark.parametrize(
    "port", [abi.HYPERCALL_PORT - 3, abi.HYPERCALL_PORT + 1, abi.HYPERCALL_PORT + 3], ids=hex
)
def test_a_wide_access_that_overlaps_another_port_faults(attack: Attack, port: int) -> None:
    attack(mov("rdx", port) + ACCESS["out32"]).fails(GuestCrash, "general protection")
