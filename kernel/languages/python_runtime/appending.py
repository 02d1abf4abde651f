"""``open(…, "a+")``: the C library of WASI tells a wrong position in files that are open so.

There ``lseek(fd, 0, SEEK_CUR)`` goes to the end, which CPython asks for before it reads: a file
that was rewound read as empty. Here they are opened for reading and writing, and appended to.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
from typing import Any

_open: Any = io.open
_system_open = os.open
_BufferedRandom, _TextIOWrapper = io.BufferedRandom, io.TextIOWrapper


class _Appending(io.FileIO):
    """Everything that is written goes to the end."""

    def __init__(self, file: Any, closefd: bool, opener: Any) -> None:
        super().__init__(file, "r+", closefd, opener or _create)
        self.seek(0, os.SEEK_END)

    def write(self, data: Any) -> int:
        self.seek(0, os.SEEK_END)
        written: int = super().write(data)
        return written

    @property
    def mode(self) -> str:  # type: ignore[override] # of typeshed: it is one there too
        return "ab+"


def _create(path: str, flags: int) -> int:
    return _system_open(path, flags | os.O_CREAT, 0o666)


@functools.wraps(_open)
def _opened(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    kinds = mode if isinstance(mode, str) else ""
    binary = "b" in kinds
    wrong = (encoding or errors or newline) if binary else buffering == 0  # open will say so
    if sorted(kinds.replace("b", "").replace("t", "")) != ["+", "a"] or wrong or len(kinds) > 3:
        return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    raw: Any = _Appending(file, closefd, opener)
    if buffering == 0:
        return raw
    buffered = _BufferedRandom(raw, buffering) if buffering > 1 else _BufferedRandom(raw)
    if binary:
        return buffered
    text: Any = _TextIOWrapper(buffered, encoding, errors, newline, buffering == 1)
    text.mode = mode
    return text


def install() -> None:
    """In the place of ``open``, ``io.open`` and ``Path.open``."""
    builtins.open = io.open = _opened
