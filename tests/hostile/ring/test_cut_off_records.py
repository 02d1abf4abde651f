"""Ends the ring in the middle of a record.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HEAD, store, wait

from hypercell.vmm.errors import ProtocolViolation

STOPPED_BY = (Layer.MAILBOX,)


@pytest.mark.parametrize("head", [1, 7])
def test_a_record_that_is_cut_off(attack: Attack, head: int) -> None:
    attack(store(HEAD, head) + wait()).fails(ProtocolViolation, "cut off")
