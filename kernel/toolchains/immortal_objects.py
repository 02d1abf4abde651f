"""Makes the objects that CPython's start left in the component's memory immortal (PEP 683).

``python_runtime/immortal.py`` leaves a bitmap of where they are. References to such an object are
not counted, so a cell that uses it does not write to its memory.
"""

from __future__ import annotations

import bisect
import operator
import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple

from hypercell.kernel.errors import ToolchainError
from hypercell.kernel.toolchains.wasm_sections import sections, unsigned

_MARK = b"hypercell: one bit for each object"[::-1]
_IMMORTAL = 5 << 28  # _Py_IMMORTAL_INITIAL_REFCNT of CPython's refcount.h, on 32 bits
_MOST = 1 << 20  # references; a number above is an address, and the object on a free list
_FEWEST = 50_000  # objects; the standard library has four times as many
_CORE_MODULE = 1  # a section of a component
_DATA = 11  # a section of a core module
_ACTIVE, _END = b"\0\x41", b"\x0b"  # of the first memory, at an i32.const, and the end of that
_SET = [[bit for bit in range(8) if byte >> bit & 1] for byte in range(256)]


class Segment(NamedTuple):
    """An active data segment: ``size`` bytes of memory at ``address``; ``offset``: in the file."""

    address: int
    size: int
    offset: int


def make_immortal(component: bytearray) -> int:
    """Set the reference counts in the component; how many. Raises ``ToolchainError``."""
    offset = component.find(_MARK)
    for part in sections(component):
        if part.number == _CORE_MODULE and part.body <= offset < part.end:
            memory = _Memory(component, part.body, part.end)
            count = memory.make_immortal(memory.address(offset) + len(_MARK))
            if count >= _FEWEST:
                return count
    raise ToolchainError("the Python component does not say where its objects are")


class _Memory:
    """The memory that a module begins with; what no segment has is zero."""

    def __init__(self, wasm: bytearray, start: int, end: int) -> None:
        self._wasm = wasm
        self._segments = sorted(_segments(wasm, start, end))

    def address(self, offset: int) -> int:
        """Of what stands at an offset of the file."""
        for segment in self._segments:
            if segment.offset <= offset < segment.offset + segment.size:
                return segment.address + offset - segment.offset
        raise ToolchainError("the Python component marks something that is not memory")

    def make_immortal(self, bitmap: int) -> int:
        """Read the bitmap (its size in bytes first) and clear it."""
        size = int.from_bytes(self._read(bitmap, 4), "little")
        if size > len(self._wasm):
            raise ToolchainError("the Python component says that it has more memory than it has")
        bits = self._read(bitmap + 4, size)
        found = [at * 32 + bit * 4 for at, byte in enumerate(bits) if byte for bit in _SET[byte]]
        known = frozenset(found)
        count = sum(self._make_one_immortal(address, known) for address in found)
        for segment, first, last in self._parts(bitmap, size + 4):
            self._wasm[segment.offset + first : segment.offset + last] = bytes(last - first)
        return count

    def _make_one_immortal(self, address: int, known: Collection[int]) -> bool:
        """False: it was immortal, or has been freed since: its type is none of the ``known``."""
        at = bisect.bisect_right(self._segments, address, key=operator.itemgetter(0)) - 1
        segment = self._segments[max(at, 0)]
        within = address - segment.address
        if not 0 <= within <= segment.size - 8:
            return False
        count, kind = struct.unpack_from("<II", self._wasm, segment.offset + within)
        if not 0 < count < _MOST or kind not in known:
            return False
        struct.pack_into("<I", self._wasm, segment.offset + within, _IMMORTAL)
        return True

    def _read(self, address: int, size: int) -> bytes:
        found = bytearray(size)
        for segment, first, last in self._parts(address, size):
            data = self._wasm[segment.offset + first : segment.offset + last]
            to = segment.address + first - address
            found[to : to + last - first] = data
        return bytes(found)

    def _parts(self, address: int, size: int) -> Iterator[tuple[Segment, int, int]]:
        """What of each segment lies in a stretch of memory."""
        for segment in self._segments:
            first = max(address - segment.address, 0)
            last = min(address + size - segment.address, segment.size)
            if first < last:
                yield segment, first, last


def _segments(wasm: bytearray, start: int, end: int) -> Iterator[Segment]:
    """The active data segments of a core module that begin at a constant address."""
    for section in sections(wasm, start, end):
        if section.number != _DATA:
            continue
        count, at = unsigned(wasm, section.body)
        for _ in range(count):
            address, then = unsigned(wasm, at + 2)
            if wasm[at : at + 2] != _ACTIVE or wasm[then : then + 1] != _END:
                raise ToolchainError("the Python component has memory at no fixed address")
            size, offset = unsigned(wasm, then + 1)
            at = offset + size
            if at > section.end:
                raise ToolchainError("the Python component is cut off")
            yield Segment(address, size, offset)
