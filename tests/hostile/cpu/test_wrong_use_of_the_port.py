"""Uses the one open port with another size or direction.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import ACCESS, MAILBOX, mov, store

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.EXIT, Layer.MAILBOX)


PORT = abi.HYPERCALL_PORT


@pytest.mark.parametrize("access", ["out8", "out16", "in8", "in16", "in32"])
def test_the_right_port_in_the_wrong_way(attack: Attack, access: str) -> None:
    attack(mov("rdx", PORT) + ACCESS[access]).fails(ProtocolViolation, r"IO: .* port 0x3f8.*rip 0x")


@pytest.mark.parametrize("port", [PORT + 1, PORT + 2, PORT + 3], ids=hex)
def test_a_neighbour_within_the_four_open_bytes(attack: Attack, port: int) -> None:
    attack(mov("rdx", port) + ACCESS["out8"]).fails(ProtocolViolation, f"port {port:#x}")


def test_the_one_door_opens_in_the_right_way(attack: Attack) -> None:
    raw = attack(store(MAILBOX + abi.MB_OP, 0x77) + mov("rdx", PORT) + ACCESS["out32"])
    raw.fails(ProtocolViolation, "unknown hypercall 0x77")
