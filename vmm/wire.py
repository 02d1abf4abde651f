"""The encoding of commands and replies: u32, u64, byte strings, lists; little-endian."""

from __future__ import annotations

import builtins
import struct

from hypercell.vmm.errors import ProtocolViolation


class Writer:
    """Appends fields to a growing byte string."""

    def __init__(self) -> None:
        self._data = bytearray()

    def u32(self, value: int) -> Writer:
        self._data += struct.pack("<I", value)
        return self

    def u64(self, value: int) -> Writer:
        self._data += struct.pack("<Q", value)
        return self

    def bytes(self, value: builtins.bytes) -> Writer:
        self._data += struct.pack("<I", len(value)) + value
        return self

    def str(self, value: builtins.str) -> Writer:
        return self.bytes(value.encode())

    def done(self) -> builtins.bytes:
        return builtins.bytes(self._data)


class Reader:
    """Takes fields from bytes that a guest wrote. Every length is checked against what is left."""

    def __init__(self, data: builtins.bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, size: int) -> builtins.bytes:
        end = self._at + size
        if end > len(self._data):
            raise ProtocolViolation(
                f"a reply ends after {len(self._data)} bytes, but a field reaches to {end}"
            )
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def u32(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self._take(8), "little")

    def bytes(self) -> builtins.bytes:
        return self._take(self.u32())

    def str(self) -> builtins.str:
        return self.bytes().decode("utf-8", "replace")

    def raw(self, size: int) -> builtins.bytes:
        return self._take(size)

    def end(self) -> None:
        if self._at != len(self._data):
            raise ProtocolViolation(f"a reply has {len(self._data) - self._at} bytes too many")
