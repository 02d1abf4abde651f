"""The mailbox: operations, lengths and grows that are lies."""

from __future__ import annotations

import pytest
from harness import Attack
from rawguest import REPLY, hypercall, load, reply_u64, save, store, store8, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash, GuestPanic, ProtocolViolation
from hypercell.vmm.run_loop import Deferred

HUGE_NUMBERS = (1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1)
ARENA = abi.ARENA_BASE + abi.ARENA_STRIDE
PAGE = abi.PAGE


@pytest.mark.parametrize("op", [0, 9, 100, *HUGE_NUMBERS], ids=hex)
def test_unknown_operations(attack: Attack, op: int) -> None:
    attack(hypercall(op)).fails(ProtocolViolation, rf"unknown hypercall {op:#x}.*rip 0x")


@pytest.mark.parametrize("length", [abi.REPLY_AREA_SIZE + 1, *HUGE_NUMBERS], ids=hex)
def test_a_reply_longer_than_its_area(attack: Attack, length: int) -> None:
    attack(wait(length)).fails(ProtocolViolation, f"reply of {length:#x} bytes")


@pytest.mark.parametrize("length", [0, 1, abi.REPLY_AREA_SIZE])
def test_a_reply_up_to_its_area(attack: Attack, length: int) -> None:
    reply = attack(wait(length)).start()
    assert isinstance(reply, bytes)
    assert reply == bytes(length)


def test_a_panic_with_a_message_that_is_no_text(attack: Attack) -> None:
    code = store8(REPLY, b"no \xff\xfe text") + hypercall(abi.HC_PANIC, 11)
    attack(code).fails(GuestPanic, "panicked: no \ufffd\ufffd text")


def test_a_panic_message_is_bounded(attack: Attack) -> None:
    error = attack(hypercall(abi.HC_PANIC, abi.REPLY_AREA_SIZE)).fails(GuestPanic)
    assert len(error.message) < 0x3000


@pytest.mark.parametrize("length", HUGE_NUMBERS, ids=hex)
def test_a_panic_with_a_wild_length(attack: Attack, length: int) -> None:
    attack(hypercall(abi.HC_PANIC, length)).fails(ProtocolViolation)


def test_a_fault_report_with_wild_numbers(attack: Attack) -> None:
    wild = (1 << 64) - 1
    crash = attack(hypercall(abi.HC_FAULT, *([wild] * 6))).fails(GuestCrash, "unknown exception")
    assert crash.vector == wild


@pytest.mark.parametrize("limit", [0, 1, 5, abi.STDIN_AREA_SIZE, *HUGE_NUMBERS], ids=hex)
def test_input_never_exceeds_what_was_asked_nor_its_area(attack: Attack, limit: int) -> None:
    code = wait() + hypercall(abi.HC_STDIN, limit)
    code += reply_u64(abi.SHARED_BASE + abi.MAILBOX + abi.MB_RESULT)
    raw = attack(code)
    raw.host.input = b"x" * 100_000
    raw.start()
    assert raw.run() == min(limit, abi.STDIN_AREA_SIZE).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("name", "arena", "old", "new"),
    [
        ("arena out of range", abi.ARENA_COUNT, 0, PAGE),
        ("wild arena", (1 << 64) - 1, 0, PAGE),
        ("wrapping arena", 1 << 63, 0, PAGE),
        ("wrong old", 1, PAGE, 2 * PAGE),
        ("wild old", 1, (1 << 64) - PAGE, PAGE),
        ("unaligned", 1, 0, 1),
        ("unaligned by one", 1, 0, PAGE + 1),
        ("over the arena", 1, 0, abi.ARENA_LIMIT + PAGE),
        ("wrapping", 1, 0, (1 << 64) - PAGE),
        ("2^63", 1, 0, 1 << 63),
    ],
)
def test_grow_lies(attack: Attack, name: str, arena: int, old: int, new: int) -> None:
    attack(hypercall(abi.HC_GROW, arena, old, new)).fails(ProtocolViolation, "grows arena")


def test_an_arena_cannot_shrink(attack: Attack) -> None:
    code = hypercall(abi.HC_GROW, 1, 0, 2 * PAGE) + hypercall(abi.HC_GROW, 1, 2 * PAGE, PAGE)
    attack(code).fails(ProtocolViolation, "grows arena 1 from 0x2000 to 0x1000")


RESULT = abi.SHARED_BASE + abi.MAILBOX + abi.MB_RESULT


def test_over_the_quota_is_refused_and_nothing_is_there(attack: Attack) -> None:
    code = hypercall(abi.HC_GROW, 1, 0, 1 << 20) + load(RESULT) + save(REPLY)
    code += hypercall(abi.HC_GROW, 2, 0, PAGE) + load(RESULT) + save(REPLY + 8) + wait(16)
    raw = attack(code + store(ARENA + abi.ARENA_STRIDE, 1), memory=1 << 20)
    assert raw.start() == bytes(8) + (1).to_bytes(8, "little")
    assert (raw.machine.committed, raw.machine.refused_grows) == (1 << 20, 1)
    raw.fails(GuestCrash, "page fault", start=False)


def test_many_arenas_share_one_quota(attack: Attack) -> None:
    grows = b"".join(hypercall(abi.HC_GROW, arena, 0, 1 << 20) for arena in range(10))
    raw = attack(grows + wait(), memory=4 << 20)
    assert raw.start() == b""
    assert (raw.machine.committed, raw.machine.refused_grows) == (4 << 20, 6)


def test_only_what_was_grown_is_there(attack: Attack) -> None:
    code = hypercall(abi.HC_GROW, 1, 0, 3 * PAGE) + store(ARENA + 3 * PAGE - 8, 7) + wait()
    raw = attack(code + store(ARENA + 3 * PAGE, 1))
    raw.start()
    crash = raw.fails(GuestCrash, "page fault", start=False)
    assert (crash.error, crash.address) == (6, ARENA + 3 * PAGE)


def test_a_deferred_wait_without_a_deferred_file(attack: Attack) -> None:
    raw = attack(hypercall(abi.HC_DEFERRED) + wait())
    assert isinstance(raw.start(), Deferred)
    assert raw.run() == b""
