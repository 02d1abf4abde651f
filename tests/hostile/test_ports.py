"""I/O: one port, one direction, one size."""

from __future__ import annotations

import pytest
from harness import Attack
from rawguest import DATA, OUT, REPLY, load, mov, save, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash, ProtocolViolation

PORT = abi.HYPERCALL_PORT
OTHERS = (0, 0x20, 0x60, 0x64, 0x80, 0x3F4, 0x3F7, 0x3FC, 0x3FD, 0x400, 0xCF8, 0xFFFD, 0xFFFF)
ACCESS = {
    "out8": b"\xee",
    "out16": b"\x66\xef",
    "out32": b"\xef",
    "in8": b"\xec",
    "in16": b"\x66\xed",
    "in32": b"\xed",
}


@pytest.mark.parametrize("access", ACCESS)
@pytest.mark.parametrize("port", OTHERS, ids=hex)
def test_another_port_is_a_protection_fault(attack: Attack, port: int, access: str) -> None:
    crash = attack(mov("rdx", port) + ACCESS[access]).fails(GuestCrash, "general protection")
    assert crash.vector == 13


@pytest.mark.parametrize("port", [PORT - 3, PORT + 1, PORT + 3], ids=hex)
def test_a_wide_access_that_overlaps_another_port_faults(attack: Attack, port: int) -> None:
    attack(mov("rdx", port) + ACCESS["out32"]).fails(GuestCrash, "general protection")


@pytest.mark.parametrize("access", ["out8", "out16", "in8", "in16", "in32"])
def test_the_right_port_in_the_wrong_way(attack: Attack, access: str) -> None:
    attack(mov("rdx", PORT) + ACCESS[access]).fails(ProtocolViolation, r"IO: .* port 0x3f8.*rip 0x")


@pytest.mark.parametrize("port", [PORT + 1, PORT + 2, PORT + 3], ids=hex)
def test_a_neighbour_within_the_four_open_bytes(attack: Attack, port: int) -> None:
    attack(mov("rdx", port) + ACCESS["out8"]).fails(ProtocolViolation, f"port {port:#x}")


@pytest.mark.parametrize(
    "prefix", [b"\xf3\x6f", b"\xf3\x6d", b"\x6f"], ids=["rep outsd", "rep insd", "outsd"]
)
def test_string_instructions_gain_nothing(attack: Attack, prefix: bytes) -> None:
    """At most an `outsd` counts as a hypercall, and this one asks for none that exists."""
    code = mov("rdx", PORT) + mov("rcx", 64) + mov("rsi", DATA) + mov("rdi", DATA) + prefix
    attack(code).fails((ProtocolViolation, GuestCrash))


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


def test_the_one_door_opens(attack: Attack) -> None:
    raw = attack(load(DATA) + wait() + OUT)
    assert raw.start() == b""
    assert raw.run() == b""
