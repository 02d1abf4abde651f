"""Source lines from the DWARF of a module: a small one made by hand, and damaged ones."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.vmm.symbolize import places


def leb(value):
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def section(number, body):
    return bytes([number]) + leb(len(body)) + body


def custom(name, body):
    return section(0, leb(len(name)) + name.encode() + body)


def sized(body):
    return struct.pack("<I", len(body)) + body


# One unit (tag 0x11, no children) with a line program at 0 and a directory.
ABBREV = b"\x01\x11\x00\x10\x17\x1b\x08\x00\x00\x00"
INFO = sized(struct.pack("<HIB", 4, 0, 4) + b"\x01" + struct.pack("<I", 0) + b"/src\0")
TABLES = bytes([1, 1, 0xFB, 14, 13]) + bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
FILES = b"\0" + b"cell.c\0\0\0\0" + b"\0"  # no directories, one file
ROWS = (
    b"\x00\x05\x02"
    + struct.pack("<I", 2)  # address 2
    + b"\x03\x02\x01"  # line 3, row
    + b"\x02\x04\x03\x04\x01"  # address 6, line 7, row
    + b"\x02\x04\x00\x01\x01"  # address 10, end
)
HEADER = b"\x01" + TABLES + FILES
LINE = sized(struct.pack("<H", 4) + sized(HEADER) + ROWS)
CODE = section(10, bytes(20))
DEBUG = {".debug_info": INFO, ".debug_abbrev": ABBREV, ".debug_line": LINE}
WASM = b"\0asm\1\0\0\0" + CODE + b"".join(custom(*item) for item in DEBUG.items())
START = 8 + 2  # of the contents of the code section


def test_lines_of_offsets():
    found = places(WASM, (START + 2, START + 5, START + 6, START + 9, START + 10, START, 0))
    assert found == (
        ("/src/cell.c", 3),
        ("/src/cell.c", 3),
        ("/src/cell.c", 7),
        ("/src/cell.c", 7),
        None,
        None,
        None,
    )


def test_without_dwarf_nothing_is_known():
    assert places(b"\0asm\1\0\0\0" + CODE, (1, 2)) == (None, None)


@given(st.integers(0, len(WASM) - 1), st.integers(0, 255))
def test_damage_is_never_an_exception(position, byte):
    wasm = bytearray(WASM)
    wasm[position] = byte
    assert len(places(bytes(wasm), (START + 2, START + 6))) == 2


@pytest.mark.parametrize("size", range(0, len(WASM), 5))
def test_cut_modules_are_never_an_exception(size):
    assert len(places(WASM[:size], (START + 2,))) == 1
