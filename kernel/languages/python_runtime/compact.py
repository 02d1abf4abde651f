"""Fills the holes of the heap, so that what comes next lies together.

A cell touches fewer pages then. Every page costs it a fault, and the commit a comparison.
"""

from __future__ import annotations

from typing import Any

_LARGEST = 4 << 20  # bytes; no hole is as large
_LARGE = 4 << 10
_kept: Any = None  # a chain of what fills the holes: of pairs, which fill some themselves


def fill_holes() -> None:
    """Take every free stretch of the heap below its end."""
    global _kept
    end = id(bytes(_LARGEST))
    chain = _kept
    size = _LARGEST // 2
    while size > 0:
        while id(piece := bytes(size)) < end:
            chain = (piece, chain)
        size = size // 2 if size > _LARGE else size - 8  # bytes(1) is always the same
    while id(last := object()) < end:
        chain = (last, chain)
    _kept = chain
