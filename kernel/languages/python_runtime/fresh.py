"""What must not be the same in two cells that begin from one snapshot."""

from __future__ import annotations

import builtins
import contextlib
import functools
import getpass
import importlib
import io
import os
import random
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from typing import Any

from hypercell.kernel.languages.python_runtime.core_errors import StdinNotImplementedError

_seed, _setstate = random.seed, random.setstate
_FileIO, _BufferedReader, _TextIOWrapper = io.FileIO, io.BufferedReader, io.TextIOWrapper
_tempfile: Any = tempfile
_LONGEST_PROMPT = 10_000  # characters
_nothing: Any = None
_answered = True  # somebody answers what a cell asks


_emit: Callable[[dict[str, Any]], None] = lambda record: None  # noqa: E731 (set by install)


class _Chosen:
    """Whether the cell's user seeded ``random``: then the sequence is theirs, from cell to cell."""

    by_user = False


def renew() -> None:
    """Make once more what every cell writes to: the generator of ``random``, and a cache of
    ``importlib``.
    """
    global _seed, _setstate
    old = vars(random)["_inst"]
    new = vars(random)["_inst"] = random.Random()  # noqa: S311 - it is that
    _seed, _setstate = new.seed, new.setstate
    for module in [*sys.modules.values()]:
        for name, value in [*vars(module).items()]:
            if getattr(value, "__self__", None) is old:
                setattr(module, name, getattr(new, value.__name__))
    paths: Any = vars(metadata)["FastPath"]
    paths.__new__ = functools.lru_cache(paths.__new__.__wrapped__)


def drop_streams() -> None:
    """Free the streams of the last cell, before another one has its own."""
    sys.stdin = sys.stdout = sys.stderr = _nothing
    vars(sys).update(__stdin__=None, __stdout__=None, __stderr__=None)


def seed(a: Any = None, version: int = 2) -> None:
    """``random.seed``, remembered."""
    _seed(a, version)
    _Chosen.by_user = a is not None


def setstate(state: Any) -> None:
    """``random.setstate``, remembered."""
    _setstate(state)
    _Chosen.by_user = True


def _ask(prompt: object, *, secret: bool) -> str:
    """A line from the reader. The prompt goes the same way, so that it stands at the field."""
    sys.stdout.flush()
    own = sys.stdin is sys.__stdin__
    if not own:  # the cell put another in its place
        print(prompt, end="", flush=True)
    elif _answered:
        _emit({"kind": "ask", "prompt": str(prompt)[:_LONGEST_PROMPT], "secret": secret})
    else:
        name = "getpass" if secret else "input"
        raise StdinNotImplementedError(
            f"{name}() was called, but this front end does not support input requests"
        )
    line = sys.stdin.readline()
    if not line:
        raise EOFError("the end of the input" if own else "EOF when reading a line")
    return line.removesuffix("\n")


def ask(prompt: object = "", /) -> str:
    """``input``: the one of CPython takes the cell for a terminal, and prompts on stderr."""
    return _ask(prompt, secret=False)


def ask_secretly(prompt: str = "Password: ", stream: Any = None, *, echo_char: Any = None) -> str:
    """``getpass.getpass``: there is no terminal whose echo could be turned off."""
    return _ask(prompt, secret=True)


def install(emit: Callable[[dict[str, Any]], None]) -> None:
    """Put these in the place of CPython's."""
    global _emit
    _emit = emit
    random.seed, random.setstate = seed, setstate
    for made, home in (
        (seed, random),
        (setstate, random),
        (ask, builtins),
        (ask_secretly, getpass),
    ):
        made.__module__ = home.__name__  # what ``random.seed?`` and reprs say
    ask_secretly.__name__ = ask_secretly.__qualname__ = "getpass"
    ask.__name__ = ask.__qualname__ = "input"
    builtins.__dict__["input"] = ask
    getpass.getpass = ask_secretly


def begin(environment: dict[str, str], answered: bool) -> None:
    """At the start of each cell: another random stream, new streams, an unknown file system.

    ``answered``: somebody answers ``input``.
    """
    global _answered
    if not _Chosen.by_user:
        _seed()
    _tempfile._name_sequence = None
    importlib.invalidate_caches()
    os.environ.update(environment)
    sys.stdin = _TextIOWrapper(_BufferedReader(_FileIO(0, closefd=False)), "utf-8", "replace")
    _answered = answered
    sys.stdout, sys.stderr = _output(1), _output(2)
    vars(sys).update(__stdin__=sys.stdin, __stdout__=sys.stdout, __stderr__=sys.stderr)


def end() -> None:
    """At the end of each cell, however it ended."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _output(number: int) -> Any:
    # Unbuffered: what is printed is seen at once, and the guest joins small writes.
    raw: Any = _FileIO(number, "w", closefd=False)
    return _TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
