"""Raises interrupts by number: those of exceptions, of devices, and of nobody.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import wait

from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR,)


CODE = {
    "int 2": b"\xcd\x02",
    "int 3": b"\xcd\x03",
    "int 8": b"\xcd\x08",
    "int 14": b"\xcd\x0e",
    "int 18": b"\xcd\x12",
    "int 32": b"\xcd\x20",
    "int 33": b"\xcd\x21",
    "int 64": b"\xcd\x40",
    "int 254": b"\xcd\xfe",
    "int 255": b"\xcd\xff",
}


@pytest.mark.parametrize("name", CODE)
def test_it_ends_the_vm(attack: Attack, name: str) -> None:
    """No gate is for ring 3: general protection, or what a backend of KVM makes of it."""
    vectors = (3, 13) if name == "int 3" else (6, 13)
    assert attack(CODE[name] + wait()).fails(GuestCrash).vector in vectors
