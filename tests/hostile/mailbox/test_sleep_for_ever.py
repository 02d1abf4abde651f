"""Sleeps for ever in the host.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import hypercall

from hypercell.vmm import abi
from hypercell.vmm.errors import TimedOut

STOPPED_BY = (Layer.LIMITS,)


@pytest.mark.parametrize("time", [10**12, 1 << 63, (1 << 64) - 1], ids=hex)
def test_the_clock_ends_it(attack: Attack, time: int) -> None:
    raw = attack(hypercall(abi.HC_SLEEP, time))
    raw.patience(3)
    raw.fails(TimedOut)
