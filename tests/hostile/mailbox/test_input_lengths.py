"""Asks for more input than its area takes.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import HUGE_NUMBERS, RESULT, hypercall, reply_u64, wait

from hypercell.vmm import abi

STOPPED_BY = (Layer.HARMLESS,)


@pytest.mark.parametrize("limit", [0, 1, 5, abi.STDIN_AREA_SIZE, *HUGE_NUMBERS], ids=hex)
def test_it_gets_what_was_asked_and_fits(attack: Attack, limit: int) -> None:
    code = wait() + hypercall(abi.HC_STDIN, limit) + reply_u64(RESULT)
    raw = attack(code)
    raw.host.input = b"x" * 100_000
    raw.start()
    assert raw.run() == min(limit, abi.STDIN_AREA_SIZE).to_bytes(8, "little")
