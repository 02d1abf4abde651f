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
    """Takes records out of the shared region; only the host moves the tail."""

    def __init__(self, shared: memoryview, position: int = 0) -> None:
        self._shared = shared
        self._tail = position
        self.restart(position)

    @property
    def position(self) -> int:
        """How many bytes were taken in all."""
        return self._tail

    def _copy(self, position: int, size: int) -> bytes:
        start = position % abi.RING_SIZE
        first = min(size, abi.RING_SIZE - start)
        piece = bytes(self._shared[abi.RING + start : abi.RING + start + first])
        return piece + bytes(self._shared[abi.RING : abi.RING + size - first])

    def drain(self) -> Iterator[tuple[int, bytes]]:
        """Yield (stream, data) of each record. Raises ``ProtocolViolation`` when one is a lie."""
        head = int(_U64.unpack_from(self._shared, _HEAD)[0])
        if not 0 <= head - self._tail <= abi.RING_SIZE:
            raise ProtocolViolation(
                f"the output ring claims to hold bytes {self._tail:#x} to {head:#x}"
            )
        position = self._tail
        while position < head:
            if head - position < abi.RECORD_HEADER:
                raise ProtocolViolation(f"an output record is cut off at {position:#x}")
            stream, length = _RECORD.unpack(self._copy(position, abi.RECORD_HEADER))
            whole = abi.RECORD_HEADER + -(-length // 8) * 8
            if stream not in (abi.STDOUT, abi.STDERR, abi.STREAM_DISPLAY):
                raise ProtocolViolation(f"an output record names stream {stream}")
            if length > abi.RECORD_MAX or whole > head - position:
                raise ProtocolViolation(f"an output record claims {length} bytes")
            data = self._copy(position + abi.RECORD_HEADER, length)
            position += whole
            yield stream, data
        self._tail = head
        _U64.pack_into(self._shared, _TAIL, head)

    def restart(self, position: int) -> None:
        """Empty the ring, with head and tail where they were when a snapshot was taken."""
        self._tail = position
        for field in (_HEAD, _TAIL):
            _U64.pack_into(self._shared, field, position)
