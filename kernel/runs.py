"""Runs of text in one script: what a browser shapes and draws apart from the rest.

Half a megabyte in which every second character is of another script takes a page a minute, where
as much of one script takes it a second. So runs are counted as lines and colours are.
"""

from __future__ import annotations

import re
from itertools import islice

MAX_RUNS = 30_000  # of all that a cell shows; a page takes about half a second for as many
_WIDE = (  # blocks that are one script to a font, first and last character
    (0x0000, 0x036F),  # Latin, and the marks on it
    (0x0370, 0x052F),  # Greek, Cyrillic
    (0x0590, 0x08FF),  # right to left
    (0x2000, 0x2BFF),  # punctuation, arrows, mathematics, boxes
    (0x3000, 0x9FFF),  # Chinese, Japanese
    (0xAC00, 0xD7FF),  # Korean
    (0xFF00, 0xFFFF),  # wide forms
    (0x1D400, 0x1D7FF),  # letters of mathematics
    (0x1F000, 0x1FAFF),  # pictures
    (0x20000, 0x3FFFF),  # rare Chinese
)
_NARROW = tuple((start, start + 0x7F) for start in range(0x0900, 0x2000, 0x80))
_RUN = re.compile(
    "|".join(f"[{re.escape(chr(a))}-{re.escape(chr(b))}]+" for a, b in (*_WIDE, *_NARROW)) + "|.",
    re.DOTALL,
)


def count(text: str) -> int:
    """How many there are; of other characters each is one."""
    return min(len(text), 1) if text.isascii() else sum(1 for _ in _RUN.finditer(text))


def cut(text: str, most: int) -> str:
    """The first ``most`` runs."""
    if text.isascii() or len(text) <= most:
        return text if most > 0 else ""
    beyond = next(islice(_RUN.finditer(text), max(0, most), None), None)
    return text if beyond is None else text[: beyond.start()]
