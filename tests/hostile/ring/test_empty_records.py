"""Fills the ring with records of nothing.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import HEAD, RING, hypercall, loop, mov, record, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import TimedOut

STOPPED_BY = (Layer.HARMLESS, Layer.LIMITS)


def test_they_are_dropped(attack: Attack) -> None:
    code = record(abi.STDOUT, 0) + store(RING + 8, abi.STDOUT) + store(HEAD, 16) + wait()
    raw = attack(code)
    raw.start()
    assert raw.host.written == []


def test_a_flood_of_them_is_ended_by_the_clock(attack: Attack) -> None:
    turn = mov("rcx", HEAD) + b"\x48\x81\xc3\x00\x00\x10\x00\x48\x89\x19"  # rbx += 1 MiB: the head
    headers = mov("rdi", RING) + mov("rax", abi.STDOUT) + mov("rcx", abi.RING_SIZE // 8)
    headers += b"\xf3\x48\xab"  # rep stosq: the ring is full of them
    raw = attack(headers + mov("rbx", 0) + loop(turn + hypercall(abi.HC_FLUSH)))
    raw.patience(3)
    raw.fails(TimedOut)
    assert raw.host.written == []
