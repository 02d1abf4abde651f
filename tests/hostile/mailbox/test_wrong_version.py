"""Says that it is another version, and writes over all that the host wrote for it.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

import pytest
from harness import Attack
from layers import Layer
from rawguest import MAILBOX, REPLY, store, wait

from hypercell.vmm import abi

STOPPED_BY = (Layer.HARMLESS,)

FIELDS = {
    "magic and version": abi.MB_MAGIC,
    "results": abi.MB_RESULT,
    "length of the batch": abi.MB_BATCH_LEN,
    "clock": abi.MB_TSC_BASE,
    "scale of the clock": abi.MB_TSC_TO_NS,
    "seed": abi.MB_SEED,
    "generation": abi.MB_GENERATION,
    "flags": abi.MB_FLAGS,
}


@pytest.mark.parametrize("field", FIELDS)
def test_the_host_reads_nothing_that_it_wrote_itself(attack: Attack, field: str) -> None:
    """It only fools itself: the next turn is as if nothing had been written."""
    wrong = store(MAILBOX + FIELDS[field], (1 << 64) - 1)
    raw = attack(wrong + wait() + store(REPLY, 42) + wait(8))
    raw.start()
    assert raw.run(b"batch") == (42).to_bytes(8, "little")
    assert bytes(raw.machine._memory.view(abi.SHARED_BASE + abi.COMMAND_AREA, 5)) == b"batch"
    length = raw.machine._memory.view(MAILBOX + abi.MB_BATCH_LEN, 8)
    assert int.from_bytes(length, "little") == 5
