"""Faults again and again where faults are handled.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import MAILBOX, OUT, load, store

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash, TimedOut

STOPPED_BY = (Layer.LIMITS, Layer.PROCESSOR)


UD2 = b"\x0f\x0b"


def test_for_ever_is_ended_by_the_clock(attack: Attack, ticking: None) -> None:
    raw = attack(UD2, on_fault=UD2)
    raw.patience(5)
    raw.fails(TimedOut)


def test_a_nested_fault_is_reported(attack: Attack) -> None:
    """The handler itself touches null; the second landing reports it."""
    report = store(MAILBOX + abi.MB_ARGS, 14) + store(MAILBOX + abi.MB_OP, abi.HC_FAULT) + OUT
    count = b"\x41\xff\xc4\x41\x83\xfc\x02\x74"  # inc r12d; cmp r12d, 2; je
    handler = count + bytes((len(load(0)),)) + load(0) + report
    assert attack(b"\x45\x31\xe4" + UD2, on_fault=handler).fails(GuestCrash).vector == 14
