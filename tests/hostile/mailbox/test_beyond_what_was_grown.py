"""Writes right behind the memory that it was given.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import VARIES, hypercall, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.HARMLESS, Layer.PROCESSOR)


ARENA = abi.ARENA_BASE + abi.ARENA_STRIDE
GROWN = 3 * abi.PAGE


def test_only_what_was_grown_is_there(attack: Attack) -> None:
    code = hypercall(abi.HC_GROW, 1, 0, GROWN) + store(ARENA + GROWN - 8, 7) + wait()
    raw = attack(code + store(ARENA + GROWN, 1))
    raw.start()
    crash = raw.fails(GuestCrash, "page fault", start=False)
    assert (crash.error & ~VARIES, crash.address) == (6, ARENA + GROWN)
