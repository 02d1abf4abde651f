"""The output ring: the guest appends records, the host takes them while the guest stands still."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

_U64 = struct.Struct("<Q")
_RECORD = struct.Struct("<II")
_HEAD = abi.RING_HEADER
_TAIL = abi.RING_HEADER + 64


class OutputRing:
    """Takes records out of the shared region; only the host moves the tail.

    A guest that was interrupted may be about to lengthen its newest record. So a tick delivers what
    that record holds but leaves it in the ring, and delivers the rest of it later.
    """

    def __init__(self, shared: memoryview, position: int = 0) -> None:
        self._shared = shared
        self.restart(position)

    @property
    def position(self) -> int:
        """The count of the first byte that is still in the ring."""
        return self._tail

    def restart(self, position: int) -> None:
        """Empty the ring, with head and tail where they were when a snapshot was taken."""
        self._tail = position
        self._delivered = 0  # payload bytes of the record at the tail
        for field in (_HEAD, _TAIL):
            _U64.pack_into(self._shared, field, position)

    def _copy(self, position: int, size: int) -> bytes:
        start = position % abi.RING_SIZE
        first = min(size, abi.RING_SIZE - start)
        piece = bytes(self._shared[abi.RING + start : abi.RING + start + first])
        return piece + bytes(self._shared[abi.RING : abi.RING + size - first])

    def drain(self, *, interrupted: bool = False) -> Iterator[tuple[int, bytes]]:
        """Yield (stream, data) of what is new. Raises ``ProtocolViolation`` on a lie.

        ``interrupted``: the guest stopped anywhere, else in a hypercall.
        """
        head = int(_U64.unpack_from(self._shared, _HEAD)[0])
        if not 0 <= head - self._tail <= abi.RING_SIZE:
            raise ProtocolViolation(
                f"the output ring claims to hold bytes {self._tail:#x} to {head:#x}"
            )
        while self._tail < head:
            left = head - self._tail - abi.RECORD_HEADER
            if left < 0:
                raise ProtocolViolation(f"an output record is cut off at {self._tail:#x}")
            stream, length = _RECORD.unpack(self._copy(self._tail, abi.RECORD_HEADER))
            if stream not in (abi.STDOUT, abi.STDERR, abi.STREAM_DISPLAY):
                raise ProtocolViolation(f"an output record names stream {stream}")
            padded = -(-length // 8) * 8
            newest = interrupted and padded >= left
            known = min(length, left) if newest else length
            fits = newest or padded <= left
            if length > abi.RECORD_MAX or not fits or known < self._delivered:
                raise ProtocolViolation(f"an output record claims {length} bytes")
            start = self._tail + abi.RECORD_HEADER + self._delivered
            data = self._copy(start, known - self._delivered)
            if newest:
                self._delivered = known
            else:
                self._tail += abi.RECORD_HEADER + padded
                self._delivered = 0
                _U64.pack_into(self._shared, _TAIL, self._tail)
            if data:
                yield stream, data
            if newest:
                return
