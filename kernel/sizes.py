"""Sizes as people write them: ``512 MiB``, ``64M``, ``4096``."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SIZE = re.compile(r"(\d{1,12})\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_LARGEST = 1 << 40


def parse_size(text: str) -> int:
    """Bytes. K, M and G are powers of 1024, with or without ``iB``; ValueError if it is no size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write 4096, 64M or 512 MiB")
    size = int(match[1]) * _UNITS[match[2].lower()]
    if not 0 < size <= _LARGEST:
        raise ValueError(f"{text!r} is not between 1 byte and 1 TiB")
    return size


def format_size(size: int) -> str:
    """The largest binary unit that keeps the number short: ``512 MiB``, ``1.5 GiB``, ``17 B``."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{size} B"
