"""Headers of pictures of any size, and a small real one."""

from __future__ import annotations

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, *, rows: int | None = None, animated: bool = False) -> bytes:
    """A red PNG; ``rows``: how many of them it has (none of a bomb need be there)."""
    data = zlib.compress((b"\0" + b"\xff\0\0" * min(width, 4096)) * (min(rows or height, 64)))
    extra = _chunk(b"acTL", struct.pack(">II", 2, 0)) if animated else b""
    header = _chunk(b"IHDR", struct.pack(">II5B", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """The beginning of a JPEG."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9) + frame
