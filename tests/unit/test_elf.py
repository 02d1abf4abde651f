"""ELF files: our image must be right, a compiled module may be anything."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import pytest
import rawguest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.vmm import abi, elf, memfd
from hypercell.vmm.errors import HostError, HypercellError, ImageMissing, InvalidModule

TEXT = b"\xc3" * 0x1234


def module(
    text: bytes = TEXT, at: int = 0x1000, names: bytes = b"\0.text\0.shstrtab\0"
) -> bytearray:
    """A relocatable ELF as Wasmtime makes them: .text on a page of its own."""
    table = at + len(text)
    data = bytearray(table)
    data[:64] = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2,
    )  # fmt: skip
    data[64 : 64 + len(names)] = names
    data[at:table] = text
    for name, offset, size in ((0, 0, 0), (1, at, len(text)), (7, 64, len(names))):
        data += struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 0, 0)
    return data


@pytest.fixture
def opened() -> Iterator[list[int]]:
    descriptors: list[int] = []
    yield descriptors
    for fd in descriptors:
        os.close(fd)


def find(data: bytes, opened: list[int]) -> tuple[int, int]:
    opened.append(memfd.of_bytes(bytes(data), "test"))
    return elf.find_text(opened[-1], len(data))


def test_text_is_found_in_whole_pages(opened: list[int]) -> None:
    assert find(module(), opened) == (0x1000, 0x2000)


def test_text_is_found_behind_an_offset(opened: list[int]) -> None:
    data = module()
    opened.append(memfd.of_bytes(bytes(data), "test", offset=0x5000))
    assert elf.find_text(opened[-1], len(data), 0x5000) == (0x1000, 0x2000)


def put(data: bytearray, at: int, form: str, value: int) -> bytearray:
    struct.pack_into(form, data, at, value)
    return data


TABLE = 0x1000 + len(TEXT)
TEXT_SECTION = TABLE + 64
NAMES_SECTION = TABLE + 128
LIES = {
    "no magic": lambda d: put(d, 0, "<I", 0),
    "32 bits": lambda d: put(d, 4, "<B", 1),
    "another machine": lambda d: put(d, 18, "<H", 183),
    "section table beyond the end": lambda d: put(d, 40, "<Q", len(d)),
    "section table at 2^63": lambda d: put(d, 40, "<Q", 1 << 63),
    "section table at 2^64 - 1": lambda d: put(d, 40, "<Q", (1 << 64) - 1),
    "section size": lambda d: put(d, 58, "<H", 63),
    "no sections": lambda d: put(d, 60, "<H", 0),
    "too many sections": lambda d: put(d, 60, "<H", 0xFFFF),
    "no such name table": lambda d: put(d, 62, "<H", 3),
    "name table beyond the end": lambda d: put(d, NAMES_SECTION + 24, "<Q", 1 << 40),
    "name table too long": lambda d: put(d, NAMES_SECTION + 32, "<Q", 1 << 62),
    "name beyond the table": lambda d: put(d, TEXT_SECTION, "<I", 0xFFFF_FFFF),
    "two texts": lambda d: put(d, NAMES_SECTION, "<I", 1),
    "text unaligned": lambda d: put(d, TEXT_SECTION + 24, "<Q", 0x1001),
    "text beyond the end": lambda d: put(d, TEXT_SECTION + 32, "<Q", len(d)),
    "text of 2^63": lambda d: put(d, TEXT_SECTION + 32, "<Q", 1 << 63),
    "text at 2^63": lambda d: put(d, TEXT_SECTION + 24, "<Q", 1 << 63),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_an_invalid_module(lie: str, opened: list[int]) -> None:
    with pytest.raises(InvalidModule):
        find(LIES[lie](module()), opened)


def test_a_short_descriptor_is_the_hosts_error(opened: list[int]) -> None:
    opened.append(memfd.of_bytes(b"short", "test"))
    with pytest.raises(HostError, match="shorter"):
        elf.find_text(opened[-1], 1 << 20)


@given(st.integers(0, TABLE + 191), st.integers(0, 255), st.integers(0, TABLE + 192))
def test_any_damage_gives_pages_inside_or_an_error(at: int, byte: int, size: int) -> None:
    data = module()
    data[at] = byte
    fd = memfd.of_bytes(bytes(data[:size]), "test")
    try:
        offset, length = elf.find_text(fd, size)
    except InvalidModule:
        return
    finally:
        os.close(fd)
    assert offset % abi.PAGE == length % abi.PAGE == 0
    assert offset + length < size + abi.PAGE


def test_our_image_is_read() -> None:
    image = elf.read_image(rawguest.raw_elf(b"\x90"))
    assert image.entry == abi.IMAGE
    assert [(s.execute, s.write) for s in image.segments] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [
        (0, "<I", 0),  # magic
        (16, "<H", 3),  # position independent
        (24, "<Q", abi.IMAGE + 0x2000),  # entry outside the code
        (32, "<Q", 1 << 40),  # program headers
        (64 + 4, "<I", 7),  # writable and executable
        (64 + 16, "<Q", abi.IMAGE - abi.PAGE),  # too low
        (64 + 40, "<Q", abi.IMAGE_SIZE + 1),  # too long
        (64 + 8, "<Q", 1 << 40),  # contents beyond the file
        (64 + 56 + 16, "<Q", abi.IMAGE),  # overlap
    ],
)
def test_a_wrong_image_is_refused(at: int, form: str, value: int) -> None:
    data = put(bytearray(rawguest.raw_elf(b"\x90")), at, form, value)
    with pytest.raises(ImageMissing):
        elf.read_image(bytes(data))


@given(st.binary(max_size=300))
def test_any_bytes_are_an_image_or_an_error(data: bytes) -> None:
    with pytest.raises(HypercellError):
        elf.read_image(b"\x7fELF\x02\x01" + data)
