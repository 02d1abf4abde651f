"""Tries all 65,536 ports, and goes on after each fault.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import ACCESS, REPLY, mov, save, wait

STOPPED_BY = (Layer.HARMLESS,)


@pytest.mark.parametrize("access", ["out8", "in8"])
def test_all_other_ports_are_closed(attack: Attack, access: str) -> None:
    """The fault handler goes on with the next port; r12 counts them all."""
    probe = b"\x44\x89\xe2" + ACCESS[access] + b"\x0f\x0b"  # mov edx, r12d; access; ud2: open!
    skip = bytes((0x83, 0xFA, 0x04, 0x72))  # cmp edx, 4; jb
    start = b"\x41\xff\xc4"  # inc r12d
    done = b"\x41\x81\xfc\x00\x00\x01\x00"  # cmp r12d, 0x10000
    compare = b"\x44\x89\xe2\x81\xea\xf8\x03\x00\x00" + skip  # edx = r12d - 0x3f8
    finish = b"\x44\x89\xe0" + save(REPLY) + b"\x48\x89\xd8" + wait(8)  # mov eax, r12d
    # An open port runs into ud2, whose vector 6 in ebx ends the test with a count too small.
    only_gp = b"\x83\xfb\x0d\x75"  # cmp ebx, 13; jne
    body = start + done + b"\x74" + bytes((len(compare) + 1 + len(probe),))
    body += compare + bytes(((-(len(body) + len(compare) + 1)) & 0xFF,)) + probe
    handler = only_gp + bytes((len(body),)) + body + finish
    raw = attack(b"\x41\x83\xcc\xff" + mov("rdx", 0) + b"\xee", on_fault=handler)  # or r12d, -1
    raw.patience(6000)
    assert raw.start() == (0x10000).to_bytes(8, "little")
