"""The output ring in plain memory: wrapping, and any bytes at all."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.ring import OutputRing

SIZE = abi.RING + abi.RING_SIZE


class Guest:
    """The writer's side, as the image does it."""

    def __init__(self, start: int) -> None:
        self.shared = bytearray(SIZE)
        self.ring = OutputRing(memoryview(self.shared), start)
        self.head = start

    def put(self, data: bytes) -> None:
        for byte in data:
            self.shared[abi.RING + self.head % abi.RING_SIZE] = byte
            self.head += 1
        struct.pack_into("<Q", self.shared, abi.RING_HEADER, self.head)

    def write(self, stream: int, data: bytes) -> None:
        self.put(struct.pack("<II", stream, len(data)) + data + bytes(-len(data) % 8))

    @property
    def tail(self) -> int:
        return int(struct.unpack_from("<Q", self.shared, abi.RING_HEADER + 64)[0])


records = st.lists(
    st.tuples(st.sampled_from([abi.STDOUT, abi.STDERR]), st.binary(max_size=200)), max_size=20
)


@given(records, st.integers(0, 4 * abi.RING_SIZE // 8).map(lambda n: 8 * n))
def test_what_is_written_is_read_wherever_it_wraps(
    written: list[tuple[int, bytes]], start: int
) -> None:
    guest = Guest(start)
    for stream, data in written:
        guest.write(stream, data)
    assert list(guest.ring.drain()) == [(stream, data) for stream, data in written if data]
    assert guest.tail == guest.ring.position == guest.head
    assert list(guest.ring.drain()) == []


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, abi.RING_SIZE), st.booleans())
def test_any_bytes_give_records_or_a_violation(
    data: bytes, length: int, start: int, interrupted: bool
) -> None:
    guest = Guest(start)
    guest.put(data)
    struct.pack_into("<Q", guest.shared, abi.RING_HEADER, start + length)
    for _ in range(2):
        try:
            taken = list(guest.ring.drain(interrupted=interrupted))
        except ProtocolViolation:
            return
        assert sum(len(piece) for _, piece in taken) <= length
    assert start <= guest.tail <= start + length


class Joining(Guest):
    """Lengthens its newest record while the tail has not passed it, as the image does, in steps
    between which it may be interrupted."""

    def __init__(self, start: int, interrupt: Iterator[bool]) -> None:
        super().__init__(start)
        self._interrupt = interrupt
        self._record = (-1, 0, 0)  # start, stream, length
        self.got: list[tuple[int, bytes]] = []

    def _step(self) -> None:
        if next(self._interrupt, False):
            self.got += self.ring.drain(interrupted=True)

    def _bytes(self, at: int, data: bytes) -> None:
        for index, byte in enumerate(data):
            self.shared[abi.RING + (at + index) % abi.RING_SIZE] = byte

    def write(self, stream: int, data: bytes) -> None:
        start, last, length = self._record
        if not (start >= self.tail and last == stream and length + len(data) <= abi.RECORD_MAX):
            start, length = self.head, 0
        self._step()
        self._bytes(start + abi.RECORD_HEADER + length, data)
        self._step()
        length += len(data)
        self._bytes(start, struct.pack("<II", stream, length))
        self._step()
        self.head = start + abi.RECORD_HEADER + -(-length // 8) * 8
        struct.pack_into("<Q", self.shared, abi.RING_HEADER, self.head)
        self._record = (start, stream, length)
        self._step()


@given(records, st.lists(st.booleans(), max_size=80), st.integers(0, 1 << 18))
def test_a_record_that_grows_while_it_is_read(
    written: list[tuple[int, bytes]], interrupts: list[bool], start: int
) -> None:
    guest = Joining(8 * start, iter(interrupts))
    for stream, data in written:
        guest.write(stream, data)
    guest.got += guest.ring.drain()
    for wanted in (abi.STDOUT, abi.STDERR):
        sent = b"".join(data for stream, data in written if stream == wanted)
        assert b"".join(data for stream, data in guest.got if stream == wanted) == sent
    assert guest.tail == guest.head


@given(st.integers(0, (1 << 64) - 1))
def test_any_head_is_within_the_ring_or_a_violation(head: int) -> None:
    guest = Guest(1 << 20)
    struct.pack_into("<Q", guest.shared, abi.RING_HEADER, head)
    if 0 <= head - (1 << 20) <= abi.RING_SIZE and head == 1 << 20:
        assert list(guest.ring.drain()) == []
    else:
        with pytest.raises(ProtocolViolation):
            list(guest.ring.drain())
