"""Reads memory before it wrote any: what a host or another VM left there.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import DATA, REPLY, load, mov, reply_u64, save, wait

from hypercell.vmm import abi

STOPPED_BY = (Layer.HARMLESS,)


def test_the_record_page_shows_only_the_faults_of_this_guest(attack: Attack) -> None:
    raw = attack(load(abi.FAULT_RECORD + abi.PAGE - 40) + save(REPLY) + wait(8))
    assert raw.start() == bytes(8)


def test_the_heap_is_zero(attack: Attack) -> None:
    """All of it is summed up by the guest."""
    count = abi.HEAP_SIZE // 8 // 64
    body = b"\x48\x0b\x06\x48\x81\xc6\x00\x02\x00\x00\x48\xff\xc9\x75\xf1"  # or rax,[rsi]; add…
    code = mov("rax", 0) + mov("rsi", abi.HEAP) + mov("rcx", count) + body + save(DATA)
    raw = attack(code + reply_u64(DATA))
    assert raw.start() == bytes(8)
