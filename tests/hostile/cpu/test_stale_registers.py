"""Reads registers before it wrote any: what a host or another VM left.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import struct

from harness import Attack
from layers import Layer
from rawguest import REPLY, mov, wait

STOPPED_BY = (Layer.HARMLESS,)


def test_vector_registers_are_zero(attack: Attack) -> None:
    code = mov("rcx", REPLY)
    for register in range(8):
        code += b"\x0f\x11" + bytes((0x81 | register << 3,)) + struct.pack("<I", 16 * register)
    assert attack(code + wait(128)).start() == bytes(128)
