"""The sections of WebAssembly modules and components, and the numbers in them.

The binary format of the core specification, chapter 5; components have the same outline.
"""

from __future__ import annotations

from typing import NamedTuple

from hypercell.kernel.errors import ToolchainError

_MAGIC = b"\0asm"
_PREAMBLE = 8  # bytes: the magic, a version, and whether it is a module or a component


class Section(NamedTuple):
    """Offsets: of the section, of its contents, and of what comes after it."""

    number: int
    start: int
    body: int
    end: int


def sections(wasm: bytes | bytearray, start: int = 0, end: int | None = None) -> list[Section]:
    """All sections of what lies there. Raises ``ToolchainError`` if it is no WebAssembly."""
    end = len(wasm) if end is None else end
    if wasm[start : start + len(_MAGIC)] != _MAGIC or end - start < _PREAMBLE:
        raise ToolchainError("the compiler is not a WebAssembly module")
    found = []
    at = start + _PREAMBLE
    while at < end:
        size, body = unsigned(wasm, at + 1)
        if body + size > end:
            raise ToolchainError("the compiler's Wasm is cut off")
        found.append(Section(wasm[at], at, body, body + size))
        at = body + size
    return found


def unsigned(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number of up to 32 bits, and the offset after it."""
    value = 0
    for shift in range(0, 35, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ToolchainError("the compiler's Wasm has a number that does not end")


def to_unsigned(value: int) -> bytes:
    """The LEB128 bytes of a number."""
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)
