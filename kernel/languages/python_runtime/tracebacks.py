"""Tracebacks as CPython writes them: coloured, with the cell's lines and carets."""

from __future__ import annotations

import linecache
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

from IPython.lib import pretty

from hypercell.kernel.languages.python_runtime.core_errors import UsageError
from hypercell.kernel.languages.python_runtime.mimebundle import cut

_MOST = 100_000  # characters
_LAST = ("last_exc", "last_type", "last_value", "last_traceback")
_MOST_MESSAGE = 10_000
_RUNTIME = os.path.dirname(__file__)
_PRETTY: str = pretty.__file__
_cells: set[str] = set()
_TracebackException: Any = traceback.TracebackException


class Lines(Sequence[str]):
    """The lines of a cell, split when somebody looks: a session has thousands, and keeps the text
    of each in ``In`` already.
    """

    __slots__ = ("_above", "_source")

    def __init__(self, source: str, above: int) -> None:
        self._source, self._above = source, above

    def _split(self) -> list[str]:
        return ["\n"] * self._above + self._source.splitlines(keepends=True)

    def __len__(self) -> int:
        return len(self._split())

    def __iter__(self) -> Iterator[str]:
        return iter(self._split())

    def __getitem__(self, index: Any) -> Any:
        return self._split()[index]


def remember(name: str, source: str, line: int) -> None:
    """Let tracebacks and ``inspect`` find the lines of a cell, whose source begins at ``line``."""
    _cells.add(name)
    cache: dict[str, Any] = linecache.cache
    cache[name] = (len(source), None, Lines(source, line - 1), name)


def renew() -> None:
    """Make once more what each cell is noted in."""
    global _cells
    _cells = set(_cells)
    linecache.cache = dict(linecache.cache)


def _hide(whole: Any) -> None:
    """Take the frames that are ours out of a traceback and those that led to it."""
    stack, seen = [whole], set()
    while stack:
        one = stack.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        one.stack[:] = [f for f in one.stack if not _ours(f.filename)]
        stack += [one.__cause__, one.__context__, *(one.exceptions or ())]


def _ours(file: str) -> bool:
    return file.startswith(_RUNTIME) or file in ("<timeit-src>", _PRETTY)


def report(error: BaseException) -> dict[str, Any]:
    """``error`` as a reply, from the outermost frame that is a cell's."""
    tb: TracebackType | None = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename not in _cells:
        tb = tb.tb_next
    # What the frames of a MemoryError hold is what was too much; a UsageError has none to see.
    if not isinstance(error, (MemoryError, UsageError)):
        vars(sys).update(
            zip(_LAST, (error.with_traceback(tb), type(error), error, tb), strict=True)
        )
    return _reply(error, tb)


def forget() -> None:
    """There was no exception yet."""
    for name in _LAST:
        vars(sys).pop(name, None)


def again() -> str | None:
    """``%tb``: the traceback of the last exception."""
    error = getattr(sys, "last_exc", None)
    return None if error is None else str(_reply(error, error.__traceback__)["traceback"])


def _reply(error: BaseException, tb: TracebackType | None) -> dict[str, Any]:
    try:
        whole = _TracebackException(type(error), error, tb, compact=True)
        _hide(whole)
        text = "".join(whole.format(colorize=True))
    except Exception as other:  # a broken __str__, or no memory left
        text = f"(the traceback cannot be shown: {type(other).__name__})"
    try:
        message = str(error)
    except Exception:
        message = "(the message cannot be shown)"
    return {
        "status": "error",
        "ename": type(error).__name__[:200],
        "evalue": cut(message, _MOST_MESSAGE),
        "traceback": cut(text.rstrip("\n"), _MOST),
    }
