"""Sets the trap flag: an exception after each instruction, for ever.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import SPIN, wait

from hypercell.vmm.errors import GuestCrash, TimedOut

STOPPED_BY = (Layer.PROCESSOR, Layer.LIMITS)


SET = b"\x68\x02\x01\x00\x00\x9d\x90\x90"  # push TF; popf; nop; nop


def test_a_debug_exception_ends_it(attack: Attack) -> None:
    assert attack(SET + wait()).fails(GuestCrash, "debug").vector == 1


def test_a_storm_of_them_is_no_hang(attack: Attack, ticking: None) -> None:
    raw = attack(SET + SPIN, on_fault=SET + SPIN)
    raw.patience(5)
    raw.fails(TimedOut)
