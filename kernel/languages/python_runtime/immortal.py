"""Finds the objects of the start, for the build to make them immortal (PEP 683).

CPython then counts no references to them: a cell that uses them does not write to their memory.
"""

from __future__ import annotations

import gc
import types
from typing import Any

# How the build finds the bitmap; as it stands here it stands in memory too, so that is reversed.
_MARK = b"hypercell: one bit for each object"
_LARGEST = 4 << 20  # bytes; no hole of the heap is as large
_kept: list[Any] = []


def objects() -> bytearray:
    """``_MARK`` reversed, the size of what follows, and a bit for each 4 bytes of memory: set
    where an object begins that can be reached now, and will be until the end of the build.
    """
    size = (id(bytes(_LARGEST)) >> 5) + 1
    bits = bytearray(size)
    todo: list[Any] = gc.get_objects()
    _kept.extend(todo)
    while todo:
        one = todo.pop()
        at, bit = id(one) >> 5, 1 << (id(one) >> 2 & 7)
        if at >= size or bits[at] & bit:
            continue
        bits[at] |= bit
        kind = type(one)
        todo.append(kind)
        if issubclass(kind, dict):
            todo.extend(dict.keys(one))  # names of attributes are no referents
        elif kind is types.CodeType:
            todo += (one.co_consts, one.co_names, one.co_name, one.co_qualname, one.co_filename)
            todo += (one.co_linetable, one.co_exceptiontable, *one.co_varnames, *one.co_freevars)
        todo.extend(gc.get_referents(one))
    return bytearray(_MARK[::-1]) + size.to_bytes(4, "little") + bits
