"""Waits for a deferred file where there is none.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import hypercall, wait

from hypercell.vmm import abi
from hypercell.vmm.run_loop import Deferred

STOPPED_BY = (Layer.HARMLESS,)


def test_it_waits_and_goes_on(attack: Attack) -> None:
    raw = attack(hypercall(abi.HC_DEFERRED) + wait())
    assert isinstance(raw._judged(lambda: raw.machine.start(raw.host)), Deferred)
    assert raw.run() == b""
