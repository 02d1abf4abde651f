"""Raises each exception that a program can.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import load

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


DIVIDE = b"\x31\xc9\xf7\xf1"  # xor ecx, ecx; div ecx


@pytest.mark.parametrize(
    ("name", "code", "vector"),
    [
        ("divide error", DIVIDE, 0),
        ("invalid opcode", b"\x0f\x0b", 6),
        ("general protection", b"\xf4", 13),
        ("page fault", load(0), 14),
    ],
)
def test_it_is_named(attack: Attack, name: str, code: bytes, vector: int) -> None:
    crash = attack(code).fails(GuestCrash, name)
    assert crash.vector == vector
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE


def test_a_floating_point_exception(attack: Attack) -> None:
    """Unmask everything in MXCSR, then divide zero by zero."""
    code = b"\x6a\x00\x0f\xae\x14\x24\x0f\x57\xc0\x0f\x5e\xc0"  # push 0; ldmxcsr; xorps; divps
    assert attack(code).fails(GuestCrash, "SIMD").vector == 19
