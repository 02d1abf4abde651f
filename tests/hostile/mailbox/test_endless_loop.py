"""Never calls the host at all.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack, RecordingHost
from layers import Layer
from rawguest import SPIN

from hypercell.vmm.errors import Closed, Interrupted, TimedOut

STOPPED_BY = (Layer.LIMITS,)


@pytest.mark.parametrize("error", [TimedOut, Interrupted])
def test_a_signal_ends_it(attack: Attack, ticking: None, error: type[TimedOut]) -> None:
    raw = attack(SPIN)
    raw.host = RecordingHost(patience=3, error=error)
    raw.fails(error)


def test_afterwards_it_cannot_go_on(attack: Attack, ticking: None) -> None:
    raw = attack(SPIN)
    raw.patience(1)
    raw.fails(TimedOut)
    for action in (lambda: raw.machine.run(b"", raw.host), raw.machine.snapshot):
        with pytest.raises(Closed):
            action()
    with pytest.raises(Closed):
        raw.machine.map_layer(0, 1)
