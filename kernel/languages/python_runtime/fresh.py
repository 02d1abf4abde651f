"""What must not be the same in two cells that begin from one snapshot."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import random
import sys
import tempfile
from typing import Any

_seed, _setstate = random.seed, random.setstate
_FileIO, _BufferedReader, _TextIOWrapper = io.FileIO, io.BufferedReader, io.TextIOWrapper
_tempfile: Any = tempfile


class _Chosen:
    """Whether the cell's user seeded ``random``: then the sequence is theirs, from cell to cell."""

    by_user = False


def seed(a: Any = None, version: int = 2) -> None:
    """``random.seed``, remembered."""
    _seed(a, version)
    _Chosen.by_user = a is not None


def setstate(state: Any) -> None:
    """``random.setstate``, remembered."""
    _setstate(state)
    _Chosen.by_user = True


def install() -> None:
    """Put the two in the place of ``random``'s."""
    random.seed, random.setstate = seed, setstate  # type: ignore[assignment]


def begin(environment: dict[str, str]) -> None:
    """At the start of each cell: another random stream, new streams, an unknown file system."""
    if not _Chosen.by_user:
        _seed()
    _tempfile._name_sequence = None
    importlib.invalidate_caches()
    os.environ.update(environment)
    sys.stdin = _TextIOWrapper(_BufferedReader(_FileIO(0, closefd=False)), "utf-8", "replace")
    sys.stdout = sys.__stdout__ = _output(1)
    sys.stderr = sys.__stderr__ = _output(2)


def end() -> None:
    """At the end of each cell, however it ended."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _output(number: int) -> Any:
    # Unbuffered: what is printed is seen at once, and the guest joins small writes.
    raw: Any = _FileIO(number, "w", closefd=False)
    return _TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
