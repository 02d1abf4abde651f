"""Writes without end.

Has: ring 3, and with it every byte of the output ring.
"""

from __future__ import annotations

from harness import Attack, RecordingHost
from layers import Layer
from rawguest import HEAD, RING, hypercall, loop, mov, store

from hypercell.vmm import abi
from hypercell.vmm.errors import OutputLimitExceeded

STOPPED_BY = (Layer.LIMITS,)


def test_it_is_stopped_at_the_first_record_too_many(attack: Attack) -> None:
    class Strict(RecordingHost):
        def output(self, stream: int, data: bytes) -> None:
            super().output(stream, data)
            if sum(len(piece) for _, piece in self.written) > 100_000:
                raise OutputLimitExceeded("enough")

    # Each turn claims a record of 64 KiB - 8 more: rbx is the head.
    turn = mov("rcx", HEAD) + b"\x48\x81\xc3\x00\x00\x01\x00\x48\x89\x19" + hypercall(abi.HC_FLUSH)
    headers = b"".join(store(RING + 0x10000 * i, abi.STDOUT | 0xFFF8 << 32) for i in range(16))
    raw = attack(headers + mov("rbx", 0) + loop(turn))
    raw.host = Strict()
    raw.fails(OutputLimitExceeded)
    assert len(raw.host.written) == 2
