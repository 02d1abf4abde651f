"""Give every module an even number of tags.

The compiler is Wasmtime 48.0.0, all there is on PyPI; the image has the newest patch release, in
which pointers behind the tags of an instance are aligned to 8 bytes. A tag has 4: only with an
even number of them do both mean the same places (a module with one tag and a data segment
crashed). The tag that is added is the last of the module and nothing names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

COMPONENT: Final = b"\x0d\0\1\0"  # what follows the magic; a module has its version 1 there

_HEADER: Final = 8
_TAG_SECTION: Final = 13
_CORE_MODULE: Final = 1  # sections of a component
_COMPONENT_IN_IT: Final = 4
_MAX_LEB: Final = 5


class _OddError(Exception):
    """Not a module that this reader understands; the validator says what is wrong with it."""


def even_tags(wasm: bytes) -> bytes:
    """The module, with one more tag if it defines an odd number; damaged ones as they are.

    Of a component: the modules in it, and in the components in it.
    """
    try:
        if wasm[4:_HEADER] == COMPONENT:
            return _component(wasm)
        for number, at, body, end in _sections(wasm):
            if number == _TAG_SECTION:
                return wasm[:at] + _section(wasm, body, end) + wasm[end:]
    except (_OddError, RecursionError):
        pass
    return wasm


def _sections(wasm: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Number, start, start of the contents and end of each section."""
    at = _HEADER
    while at < len(wasm):
        size, body = _leb(wasm, at + 1)
        end = body + size
        if end > len(wasm):
            raise _OddError
        yield wasm[at], at, body, end
        at = end


def _component(wasm: bytes) -> bytes:
    pieces = [wasm[:_HEADER]]
    changed = False
    for number, at, body, end in _sections(wasm):
        piece = wasm[at:end]
        if number in (_CORE_MODULE, _COMPONENT_IN_IT):
            inner = wasm[body:end]
            even = even_tags(inner)
            if even != inner:
                changed = True
                piece = bytes([number]) + _to_leb(len(even)) + even
        pieces.append(piece)
    return b"".join(pieces) if changed else wasm


def _section(wasm: bytes, body: int, end: int) -> bytes:
    count, at = _leb(wasm, body)
    entries = wasm[at:end]
    last = at
    for _ in range(count):
        last = at
        _, at = _leb(wasm, at + 1)  # attribute, type index
    if at != end:
        raise _OddError
    if count % 2:
        count, entries = count + 1, entries + wasm[last:end]
    content = _to_leb(count) + entries
    return bytes([_TAG_SECTION]) + _to_leb(len(content)) + content


def _leb(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_MAX_LEB):
        if at + index >= len(data):
            break
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, at + index + 1
    raise _OddError


def _to_leb(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
