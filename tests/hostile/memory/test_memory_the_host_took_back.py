"""Touches memory whose host side is gone.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import store, wait

from hypercell.vmm import abi, libc, page_tables
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.EXIT,)


WINDOW = abi.ARENA_BASE + 5 * abi.ARENA_STRIDE


def test_the_run_ends(attack: Attack) -> None:
    raw = attack(wait() + store(WINDOW, 1))
    raw.start()
    raw.machine._tables.map(WINDOW, abi.POOL_BASE, abi.PAGE, page_tables.READ_WRITE)
    libc.mprotect(raw.machine._memory.pool[0].address, abi.PAGE, libc.PROT_NONE)
    raw.fails(ProtocolViolation, "memory that is not there", start=False)
