"""The objects of CPython's start become immortal in the component's memory, and nothing else."""

from __future__ import annotations

import struct

import pytest

from hypercell.kernel.errors import ToolchainError
from hypercell.kernel.toolchains.immortal_objects import make_immortal
from hypercell.kernel.toolchains.wasm_sections import sections, to_unsigned, unsigned

MARK = b"hypercell: one bit for each object"[::-1]
IMMORTAL = 5 << 28
COUNT = 60_000
OBJECTS, BITMAP = 0x1000, 0x20_0000
KIND = OBJECTS  # the first object is the type of all
LAST = OBJECTS + 16 * (COUNT - 1)


def section(number: int, body: bytes) -> bytes:
    return bytes([number]) + to_unsigned(len(body)) + body


def component(segments: list[tuple[int, bytes]], *, flags: bytes = b"\0\x41") -> bytearray:
    """A component with a small module, and one with these data segments."""
    data = to_unsigned(len(segments))
    for address, content in segments:
        data += flags + to_unsigned(address) + b"\x0b" + to_unsigned(len(content)) + content
    small, module = (b"\0asm\1\0\0\0" + section(11, body) for body in (b"\0", data))
    return bytearray(b"\0asm\x0d\0\1\0" + section(1, small) + section(0, b"x") + section(1, module))


def objects(odd: dict[int, tuple[int, int]]) -> bytes:
    """A reference count, a type and eight more bytes each; ``odd``: some have others."""
    found = bytearray()
    for number in range(COUNT):
        found += struct.pack("<IIQ", *odd.get(number, (number % 1000 + 1, KIND)), number)
    return bytes(found)


def bitmap(*more: int) -> bytes:
    bits = bytearray((LAST >> 5) + 1)
    for address in (*range(OBJECTS, LAST + 1, 16), *more):
        bits[address >> 5] |= 1 << (address >> 2 & 7)
    return MARK + struct.pack("<I", len(bits)) + bits


def memory(wasm: bytearray) -> dict[int, bytes]:
    """Address -> bytes of the segments of the last module."""
    module = sections(wasm)[-1]
    data = sections(wasm, module.body, module.end)[0]
    count, at = unsigned(wasm, data.body)
    found = {}
    for _ in range(count):
        address, at = unsigned(wasm, at + 2)
        size, at = unsigned(wasm, at + 1)
        found[address] = bytes(wasm[at : at + size])
        at += size
    return found


def test_they_are_counted_no_more() -> None:
    wasm = component([(OBJECTS, objects({})), (BITMAP, bitmap())])
    size = len(wasm)
    assert make_immortal(wasm) == COUNT
    assert len(wasm) == size
    after = memory(wasm)
    expected = objects(dict.fromkeys(range(COUNT), (IMMORTAL, KIND)))
    assert after[OBJECTS] == expected
    assert after[BITMAP] == MARK + bytes(len(bitmap()) - len(MARK))


def test_what_was_freed_since_is_left_alone() -> None:
    """On a free list the count is an address or zero; in a hole of the heap the type is, too."""
    odd = {
        5: (0, KIND),
        6: (0x23_5678, KIND),
        7: (0x20_0010, 0x20_0020),
        8: (IMMORTAL + 3, KIND),
        9: (7 << 28, KIND),
    }
    wasm = component([(OBJECTS, objects(odd)), (BITMAP, bitmap())])
    assert make_immortal(wasm) == COUNT - len(odd)
    after = memory(wasm)[OBJECTS]
    assert {n: struct.unpack_from("<II", after, 16 * n) for n in odd} == odd


def test_what_no_segment_has_is_left_alone() -> None:
    whole = objects({})
    cut = 16 * 100 + 6  # within the type of an object
    segments = [(BITMAP, bitmap()), (OBJECTS + cut, whole[cut:]), (OBJECTS, whole[:cut])]
    wasm = component(segments)
    assert make_immortal(wasm) == COUNT - 1
    assert struct.unpack_from("<I", memory(wasm)[OBJECTS], 1600) == (101,)


def test_a_bitmap_in_many_segments() -> None:
    """Long runs of zeros are in no segment."""
    bits = bitmap()
    first, second = len(MARK) + 4 + (OBJECTS >> 5), len(bits) // 2
    segments = [(OBJECTS, objects({})), (BITMAP, bits[: len(MARK) + 4])]
    segments += [(BITMAP + first, bits[first:second]), (BITMAP + second, bits[second:])]
    assert make_immortal(component(segments)) == COUNT


@pytest.mark.parametrize(
    "wasm",
    [
        bytearray(),
        bytearray(b"\0asm\1\0\0\0"),
        component([(OBJECTS, objects({}))]),
        component([(OBJECTS, objects({})), (BITMAP, bitmap()[: len(MARK) + 3])]),
        component([(OBJECTS, objects({})), (BITMAP, MARK + b"\xff\xff\xff\xff" + bytes(99))]),
        component([(OBJECTS, objects({})), (BITMAP, MARK + b"\1\0\0\0\xff")]),
        component([(OBJECTS, objects({})), (BITMAP, bitmap())], flags=b"\1\x41"),
        component([(OBJECTS, objects({})), (BITMAP, bitmap())], flags=b"\0\x23"),
        component([(OBJECTS, objects({})), (BITMAP, bitmap())])[:-9],
        bytearray(MARK) + component([(OBJECTS, objects({}))]),
    ],
    ids=[
        "empty",
        "a module",
        "no bitmap",
        "no size",
        "a wild size",
        "few objects",
        "a passive segment",
        "an address from a global",
        "cut off",
        "a mark outside",
    ],
)
def test_what_is_no_such_component_is_refused(wasm: bytearray) -> None:
    with pytest.raises(ToolchainError):
        make_immortal(wasm)
