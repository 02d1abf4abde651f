"""Choices out of bytes: a target that builds something takes them one after the other."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")
_WILD = (
    1 << 63,
    (1 << 64) - 1,
    1 << 32,
    (1 << 32) - 1,
    1 << 31,
    1 << 47,
    1 << 62,
    (1 << 63) - 1,
    4095,
    4096,
    4097,
    1 << 20,
    1 << 21,
    (1 << 21) - 1,
)


def random_seeds(count: int, size: int = 160) -> tuple[bytes, ...]:
    """The same ones each time."""
    rng = random.Random(size)  # noqa: S311
    return tuple(rng.randbytes(size) for _ in range(count))


class Source:
    """``data`` as choices; zeros when it is used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        """The next bytes, as many as there are."""
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, width: int = 1) -> int:
        """Little-endian."""
        return int.from_bytes(self.take(width), "little")

    def below(self, limit: int) -> int:
        """0 to ``limit - 1``."""
        return self.number(2 if limit > 256 else 1) % limit

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[self.below(len(choices))]

    def rarely(self) -> bool:
        """True once in sixteen."""
        return self.number() % 16 == 15

    def wild(self) -> int:
        """A u64: often small, at times where things overflow."""
        kind = self.number() % 4
        if kind < 2:
            return self.number()
        return self.pick(_WILD) if kind == 2 else self.number(8)
