"""The output ring in plain memory: wrapping, and any bytes at all."""

from __future__ import annotations

import struct

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
    assert list(guest.ring.drain()) == written
    assert guest.tail == guest.ring.position == guest.head
    assert list(guest.ring.drain()) == []


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, abi.RING_SIZE))
def test_any_bytes_give_records_or_a_violation(data: bytes, length: int, start: int) -> None:
    guest = Guest(start)
    guest.put(data)
    struct.pack_into("<Q", guest.shared, abi.RING_HEADER, start + length)
    try:
        taken = list(guest.ring.drain())
    except ProtocolViolation:
        return
    assert sum(abi.RECORD_HEADER + -(-len(d) // 8) * 8 for _, d in taken) == length


@given(st.integers(0, (1 << 64) - 1))
def test_any_head_is_within_the_ring_or_a_violation(head: int) -> None:
    guest = Guest(1 << 20)
    struct.pack_into("<Q", guest.shared, abi.RING_HEADER, head)
    if 0 <= head - (1 << 20) <= abi.RING_SIZE and head == 1 << 20:
        assert list(guest.ring.drain()) == []
    else:
        with pytest.raises(ProtocolViolation):
            list(guest.ring.drain())
