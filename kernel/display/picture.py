"""PNG and JPEG by their first bytes: whether they are what they say, and how large unpacked.

Only headers are read: the browser decodes them, in its own sandbox. A small file can be a large
picture, and a browser that is asked for it takes the memory.
"""

from __future__ import annotations

import struct

MAX_BYTES = 4 << 20
MAX_SIDE = 8192  # pixels
MAX_PIXELS = 16 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_SEGMENTS = 200  # before a JPEG's size
_NO_FRAME = {0xC4, 0xC8, 0xCC}  # tables among JPEG's frame markers


def size(data: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels, or None: no such picture, or too large to show."""
    if len(data) > MAX_BYTES:
        return None
    found = _size(data)
    if found is None:
        return None
    width, height = found
    fits = 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS
    return found if fits else None


def mime(data: bytes) -> str:
    """The type that the first bytes say."""
    if data.startswith(_PNG):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8\xff") else ""


def _size(data: bytes) -> tuple[int, int] | None:
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    return None


def _png(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR" or len(data) < 33:
        return None
    if b"acTL" in data:  # an animation keeps the browser busy for ever
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if at + 9 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
