"""Lies about its memory to get more of it, or another's.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import hypercall

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


PAGE = abi.PAGE


@pytest.mark.parametrize(
    ("name", "arena", "old", "new"),
    [
        ("arena out of range", abi.ARENA_COUNT, 0, PAGE),
        ("wild arena", (1 << 64) - 1, 0, PAGE),
        ("wrapping arena", 1 << 63, 0, PAGE),
        ("wrong old", 1, PAGE, 2 * PAGE),
        ("wild old", 1, (1 << 64) - PAGE, PAGE),
        ("unaligned", 1, 0, 1),
        ("unaligned by one", 1, 0, PAGE + 1),
        ("over the arena", 1, 0, abi.ARENA_LIMIT + PAGE),
        ("wrapping", 1, 0, (1 << 64) - PAGE),
        ("2^63", 1, 0, 1 << 63),
    ],
)
def test_it_is_refused(attack: Attack, name: str, arena: int, old: int, new: int) -> None:
    attack(hypercall(abi.HC_GROW, arena, old, new)).fails(ProtocolViolation, "grows arena")


def test_an_arena_cannot_shrink(attack: Attack) -> None:
    code = hypercall(abi.HC_GROW, 1, 0, 2 * PAGE) + hypercall(abi.HC_GROW, 1, 2 * PAGE, PAGE)
    attack(code).fails(ProtocolViolation, "grows arena 1 from 0x2000 to 0x1000")
