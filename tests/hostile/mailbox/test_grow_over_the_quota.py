"""Grows many memories, each within its limit and all together over the quota.

Has: ring 3, and with it every byte of the mailbox.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import REPLY, RESULT, hypercall, load, save, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.HARMLESS, Layer.PROCESSOR)


ARENA = abi.ARENA_BASE + abi.ARENA_STRIDE


def test_it_is_refused_and_nothing_is_there(attack: Attack) -> None:
    code = hypercall(abi.HC_GROW, 1, 0, 1 << 20) + load(RESULT) + save(REPLY)
    code += hypercall(abi.HC_GROW, 2, 0, abi.PAGE) + load(RESULT) + save(REPLY + 8) + wait(16)
    raw = attack(code + store(ARENA + abi.ARENA_STRIDE, 1), memory=1 << 20)
    assert raw.start() == bytes(8) + (1).to_bytes(8, "little")
    assert (raw.machine.committed, raw.machine.refused_grows) == (1 << 20, 1)
    raw.fails(GuestCrash, "page fault", start=False)


def test_many_arenas_share_one_quota(attack: Attack) -> None:
    grows = b"".join(hypercall(abi.HC_GROW, arena, 0, 1 << 20) for arena in range(10))
    raw = attack(grows + wait(), memory=4 << 20)
    assert raw.start() == b""
    assert (raw.machine.committed, raw.machine.refused_grows) == (4 << 20, 6)
