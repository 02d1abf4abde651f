"""Calls the host as fast as it can, so that no signal finds a gap.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import hypercall, loop

from hypercell.vmm import abi
from hypercell.vmm.errors import TimedOut

STOPPED_BY = (Layer.LIMITS,)


@pytest.mark.parametrize(
    "call",
    [
        hypercall(abi.HC_FLUSH),
        hypercall(abi.HC_GROW, 1, 0, 0),
        hypercall(abi.HC_SLEEP, 0),
        hypercall(abi.HC_STDIN, 8),
    ],
    ids=["flush", "grow", "sleep", "stdin"],
)
def test_the_loop_itself_looks_at_the_clock(attack: Attack, call: bytes) -> None:
    raw = attack(loop(call))
    raw.patience(3)
    raw.fails(TimedOut)
