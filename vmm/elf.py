"""What the host reads of ELF files: segments of our image, `.text` of a hostile `.cwasm`."""

from __future__ import annotations

import os
import struct
from typing import Final

import msgspec

from hypercell.vmm import abi, memfd
from hypercell.vmm.errors import HostError, ImageMissing, InvalidModule

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_X86_64 = 62
_LOAD = 1
_EXECUTE, _WRITE = 1, 2
_MAX_SECTIONS: Final = 4096
_MAX_NAMES: Final = 1 << 20


class Segment(msgspec.Struct, frozen=True):
    """A LOAD segment: ``data`` at ``address``, then zeros up to ``pages`` bytes."""

    address: int
    pages: int
    data: bytes
    write: bool
    execute: bool


class Image(msgspec.Struct, frozen=True):
    """The guest image as it is loaded."""

    entry: int
    segments: tuple[Segment, ...]


def round_up(value: int) -> int:
    """Round up to whole pages."""
    return -(-value // abi.PAGE) * abi.PAGE


def read_image(data: bytes) -> Image:
    """Parse our own guest image. Raises ``ImageMissing`` if it is not one for this ABI."""
    hint = "build it again: make image"
    if len(data) < _HEADER.size or data[:6] != _MAGIC:
        raise ImageMissing("the guest image is no 64-bit ELF file", hint=hint)
    header = _HEADER.unpack_from(data)
    kind, machine, entry, offset, entry_size, count = (header[i] for i in (1, 2, 4, 5, 9, 10))
    if kind != 2 or machine != _X86_64 or entry_size != _PROGRAM.size:
        raise ImageMissing("the guest image is no static x86-64 executable", hint=hint)
    segments = []
    end = abi.IMAGE
    for index in range(count):
        if offset + (index + 1) * _PROGRAM.size > len(data):
            raise ImageMissing("the guest image is cut off", hint=hint)
        fields = _PROGRAM.unpack_from(data, offset + index * _PROGRAM.size)
        if fields[0] != _LOAD or not fields[6]:
            continue
        flags, at, address, in_file, in_memory = (fields[i] for i in (1, 2, 3, 5, 6))
        if flags & _WRITE and flags & _EXECUTE:
            raise ImageMissing(f"the segment at {address:#x} is writable and executable", hint=hint)
        pad = address % abi.PAGE
        start, pages = address - pad, round_up(pad + in_memory)
        if start < end or start + pages > abi.IMAGE + abi.IMAGE_SIZE or in_file > in_memory:
            raise ImageMissing(f"the segment at {address:#x} is outside its place", hint=hint)
        if at + in_file > len(data):
            raise ImageMissing("the guest image is cut off", hint=hint)
        end = start + pages
        content = bytes(pad) + data[at : at + in_file]
        segments.append(
            Segment(start, pages, content, bool(flags & _WRITE), bool(flags & _EXECUTE))
        )
    last = entry + abi.LANDING_OFFSET + abi.LANDING_STRIDE * abi.VECTORS
    if not any(s.execute and s.address <= entry and last <= s.address + s.pages for s in segments):
        raise ImageMissing("the entry of the guest image is not in its code", hint=hint)
    return Image(entry, tuple(segments))


class _File:
    """``size`` bytes of a descriptor from ``start``, read and never mapped."""

    def __init__(self, fd: int, size: int, start: int) -> None:
        if memfd.size_of(fd) < start + size:
            raise HostError("the compiled module is shorter than its sender says")
        self._fd, self._size, self._start = fd, size, start

    def read(self, offset: int, size: int) -> bytes:
        if offset + size > self._size:
            raise InvalidModule(f"the compiled module ends before {offset + size:#x}")
        data = os.pread(self._fd, size, self._start + offset)
        if len(data) != size:
            raise InvalidModule("the compiled module was cut while it was read")
        return data


def find_text(fd: int, size: int, start: int = 0) -> tuple[int, int]:
    """Find `.text` of a ``.cwasm`` that lies at ``start`` of ``fd``: (offset, size), whole pages.

    The file is hostile: every field is checked. Raises ``InvalidModule``; ``HostError`` when the
    descriptor is shorter than ``size``.
    """
    file = _File(fd, size, start)
    header = _HEADER.unpack(file.read(0, _HEADER.size))
    if not header[0].startswith(_MAGIC) or header[2] != _X86_64:
        raise InvalidModule("the compiled module is no 64-bit ELF file for this machine")
    table, entry_size, count, names_index = (header[i] for i in (6, 11, 12, 13))
    if entry_size != _SECTION.size or not 0 < count <= _MAX_SECTIONS or names_index >= count:
        raise InvalidModule("the section table of the compiled module is malformed")
    sections = list(_SECTION.iter_unpack(file.read(table, count * _SECTION.size)))
    names_at, names_size = sections[names_index][4:6]
    if names_size > _MAX_NAMES:
        raise InvalidModule("the section names of the compiled module are too long")
    names = file.read(names_at, names_size)
    texts = [s for s in sections if s[0] < names_size and names[s[0] : s[0] + 6] == b".text\0"]
    if len(texts) != 1:
        raise InvalidModule(f"the compiled module has {len(texts)} sections named .text")
    offset, length = texts[0][4:6]
    if offset % abi.PAGE or offset + length > size:
        raise InvalidModule("the .text of the compiled module is outside of it, or unaligned")
    return offset, round_up(length)
