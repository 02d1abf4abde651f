"""Add the function table to a module's exports.

A snapshot should hold the table filled (``FillTables``), else every VM fills it again, entry by
entry; the guest reaches a table only through an export.
"""

from __future__ import annotations

from hypercell.kernel.errors import ToolchainError
from hypercell.kernel.toolchains.wasm_sections import sections, to_unsigned, unsigned

TABLE = "__indirect_function_table"
_TABLE_SECTION = 4
_EXPORT_SECTION = 7
_KIND_TABLE = 1


def export_table(wasm: bytes) -> bytes:
    """The module with its first table exported; unchanged where it is already."""
    found = sections(wasm)
    if not any(section.number == _TABLE_SECTION for section in found):
        raise ToolchainError("the compiler's Wasm defines no table")
    entry = bytes([len(TABLE)]) + TABLE.encode() + bytes([_KIND_TABLE, 0])
    for number, start, body, end in found:
        if number != _EXPORT_SECTION:
            continue
        count, first = unsigned(wasm, body)
        if entry in wasm[first:end]:
            return wasm
        grown = to_unsigned(count + 1) + wasm[first:end] + entry
        section = bytes([_EXPORT_SECTION]) + to_unsigned(len(grown)) + grown
        return wasm[:start] + section + wasm[end:]
    raise ToolchainError("the compiler's Wasm exports nothing")
