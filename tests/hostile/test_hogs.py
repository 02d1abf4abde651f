"""Guests that never come back: each can be cancelled."""

from __future__ import annotations

import pytest
from harness import Attack, RecordingHost
from rawguest import SPIN, hypercall, mov, store

from hypercell.vmm import abi
from hypercell.vmm.errors import Closed, Interrupted, OutputLimitExceeded, TimedOut


def loop(body: bytes) -> bytes:
    return body + b"\xe9" + (-(len(body) + 5)).to_bytes(4, "little", signed=True)


@pytest.mark.parametrize("error", [TimedOut, Interrupted])
def test_an_endless_loop(attack: Attack, ticking: None, error: type[TimedOut]) -> None:
    raw = attack(SPIN)
    raw.host = RecordingHost(patience=3, error=error)
    raw.fails(error)


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
def test_a_flood_of_hypercalls_without_any_signal(attack: Attack, call: bytes) -> None:
    """No timer here: the loop itself looks at the clock."""
    raw = attack(loop(call))
    raw.patience(3)
    raw.fails(TimedOut)


@pytest.mark.parametrize("time", [10**12, 1 << 63, (1 << 64) - 1], ids=hex)
def test_a_sleep_for_ever(attack: Attack, time: int) -> None:
    raw = attack(hypercall(abi.HC_SLEEP, time))
    raw.patience(3)
    raw.fails(TimedOut)


def test_a_flood_of_output(attack: Attack) -> None:
    """An owner that counts bytes can stop it at the first record too many."""

    class Strict(RecordingHost):
        def output(self, stream: int, data: bytes) -> None:
            super().output(stream, data)
            if sum(len(piece) for _, piece in self.written) > 100_000:
                raise OutputLimitExceeded("enough")

    head = abi.SHARED_BASE + abi.RING_HEADER
    # Each turn claims a record of 64 KiB - 8 more: rbx is the head.
    turn = mov("rcx", head) + b"\x48\x81\xc3\x00\x00\x01\x00\x48\x89\x19" + hypercall(abi.HC_FLUSH)
    ring = abi.SHARED_BASE + abi.RING
    headers = b"".join(store(ring + 0x10000 * i, abi.STDOUT | 0xFFF8 << 32) for i in range(16))
    raw = attack(headers + mov("rbx", 0) + loop(turn))
    raw.host = Strict()
    raw.fails(OutputLimitExceeded)
    assert len(raw.host.written) == 2


def test_a_cancelled_machine_cannot_go_on(attack: Attack, ticking: None) -> None:
    raw = attack(SPIN)
    raw.patience(1)
    raw.fails(TimedOut)
    for action in (raw.run, raw.machine.snapshot, raw.machine.refresh):
        with pytest.raises(Closed):
            action()
    raw.machine.close()
    raw.machine.close()
    with pytest.raises(Closed):
        raw.machine.map_layer(0, 1)
