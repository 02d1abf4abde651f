"""Tracebacks as CPython writes them: coloured, with the cell's lines and carets."""

from __future__ import annotations

import linecache
import traceback
from types import TracebackType
from typing import Any

from hypercell.kernel.languages.python_runtime.mimebundle import cut

_MOST = 100_000  # characters
_MOST_MESSAGE = 10_000
_cells: set[str] = set()
_TracebackException: Any = traceback.TracebackException


def remember(name: str, source: str) -> None:
    """Let tracebacks and ``inspect`` find the lines of a cell."""
    _cells.add(name)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def report(error: BaseException) -> dict[str, Any]:
    """``error`` as a reply, from the outermost frame that is a cell's."""
    tb: TracebackType | None = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename not in _cells:
        tb = tb.tb_next
    try:
        whole = _TracebackException(type(error), error, tb, compact=True)
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
