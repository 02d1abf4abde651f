"""Faults where no handler is left: the processor gives up.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import wait

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.EXIT,)


def test_it_is_a_forbidden_exit(attack: Attack) -> None:
    """A fault without a handler: SHUTDOWN, or whatever the backend says."""
    raw = attack(wait() + b"\x0f\x0b")
    raw.start()
    raw.machine._memory.view(abi.IDT, abi.PAGE)[:] = bytes(abi.PAGE)
    raw.fails(ProtocolViolation, "forbidden exit", start=False)
