"""Add the function table to a module's exports.

A snapshot should hold the table filled (``FillTables``), else every VM fills it again, entry by
entry; the guest reaches a table only through an export.
"""

from __future__ import annotations

from hypercell.kernel.errors import ToolchainError

TABLE = "__indirect_function_table"
_MAGIC = b"\0asm\1\0\0\0"
_TABLE_SECTION = 4
_EXPORT_SECTION = 7
_KIND_TABLE = 1


def export_table(wasm: bytes) -> bytes:
    """The module with its first table exported; unchanged where it is already."""
    sections = _sections(wasm)
    if not any(number == _TABLE_SECTION for number, _, _ in sections):
        raise ToolchainError("the compiler's Wasm defines no table")
    entry = bytes([len(TABLE)]) + TABLE.encode() + bytes([_KIND_TABLE, 0])
    for number, start, body_end in sections:
        if number != _EXPORT_SECTION:
            continue
        size, body = _leb(wasm, start + 1)
        count, first = _leb(wasm, body)
        if entry in wasm[first:body_end]:
            return wasm
        grown = _to_leb(count + 1) + wasm[first : body + size] + entry
        section = bytes([_EXPORT_SECTION]) + _to_leb(len(grown)) + grown
        return wasm[:start] + section + wasm[body_end:]
    raise ToolchainError("the compiler's Wasm exports nothing")


def _sections(wasm: bytes) -> list[tuple[int, int, int]]:
    """(number, offset of the section, offset after it) of each."""
    if wasm[:8] != _MAGIC:
        raise ToolchainError("the compiler is not a WebAssembly module")
    found = []
    at = len(_MAGIC)
    while at < len(wasm):
        size, body = _leb(wasm, at + 1)
        if body + size > len(wasm):
            raise ToolchainError("the compiler's Wasm is cut off")
        found.append((wasm[at], at, body + size))
        at = body + size
    return found


def _leb(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the offset after it."""
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


def _to_leb(value: int) -> bytes:
    out = bytearray()
    while True:
        out.append(value & 0x7F | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(out)
