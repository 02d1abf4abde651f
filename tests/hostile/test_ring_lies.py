"""The output ring: positions, streams and lengths that are lies."""

from __future__ import annotations

import struct

import pytest
from harness import Attack
from rawguest import hypercall, store, store8, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash, ProtocolViolation

HEAD = abi.SHARED_BASE + abi.RING_HEADER
TAIL = HEAD + 64
RING = abi.SHARED_BASE + abi.RING


def record(stream: int, length: int, payload: bytes = b"") -> bytes:
    return store8(RING, struct.pack("<II", stream, length) + payload)


@pytest.mark.parametrize(
    "head", [abi.RING_SIZE + 1, abi.RING_SIZE + 8, 1 << 32, 1 << 63, (1 << 64) - 1], ids=hex
)
def test_a_head_beyond_the_ring(attack: Attack, head: int) -> None:
    attack(store(HEAD, head) + wait()).fails(ProtocolViolation, "output ring claims")


def test_a_head_that_goes_back(attack: Attack) -> None:
    whole = record(abi.STDOUT, 8, b"12345678") + store(HEAD, 16)
    raw = attack(whole + wait() + store(HEAD, 8) + wait())
    raw.start()
    raw.fails(ProtocolViolation, "output ring claims", start=False)


@pytest.mark.parametrize("head", [1, 7])
def test_a_record_that_is_cut_off(attack: Attack, head: int) -> None:
    attack(store(HEAD, head) + wait()).fails(ProtocolViolation, "cut off")


@pytest.mark.parametrize("stream", [0, 4, 1 << 31, (1 << 32) - 1], ids=hex)
def test_a_stream_that_is_none(attack: Attack, stream: int) -> None:
    code = record(stream, 8, bytes(8)) + store(HEAD, 16) + wait()
    attack(code).fails(ProtocolViolation, f"names stream {stream}")


@pytest.mark.parametrize("length", [9, 0x1_0000, 0x1_0001, 1 << 31, (1 << 32) - 1], ids=hex)
def test_a_length_that_is_a_lie(attack: Attack, length: int) -> None:
    code = record(abi.STDOUT, length) + store(HEAD, 16) + wait()
    attack(code).fails(ProtocolViolation, f"claims {length} bytes")


def test_a_length_over_the_limit_in_a_full_ring(attack: Attack) -> None:
    code = record(abi.STDOUT, abi.RECORD_MAX + 8) + store(HEAD, abi.RING_SIZE) + wait()
    attack(code).fails(ProtocolViolation, "claims")


@pytest.mark.parametrize("tail", [1, 1 << 20, 1 << 63, (1 << 64) - 1], ids=hex)
def test_a_corrupted_tail_means_nothing(attack: Attack, tail: int) -> None:
    """The host keeps the tail itself and never reads it back."""
    code = store(TAIL, tail) + record(abi.STDERR, 3, b"abc") + store(HEAD, 16)
    raw = attack(code + hypercall(abi.HC_FLUSH) + wait())
    assert raw.start() == b""
    assert raw.host.written == [(abi.STDERR, b"abc")]


def test_empty_records_are_harmless(attack: Attack) -> None:
    code = record(abi.STDOUT, 0) + store(RING + 8, abi.STDOUT) + store(HEAD, 16) + wait()
    raw = attack(code)
    raw.start()
    assert raw.host.written == []


def test_output_before_a_crash_is_not_lost(attack: Attack) -> None:
    raw = attack(record(abi.STDOUT, 4, b"last") + store(HEAD, 16) + b"\x0f\x0b")
    raw.fails(GuestCrash)
    assert raw.host.written == [(abi.STDOUT, b"last")]
