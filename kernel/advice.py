"""What to do about an error, in the words of a notebook: for beginners' most frequent ones.

A machine below knows of limits, not of the options that raise them; CPython knows nothing of the
VM that it is in. All of it is our own text: what the cell said is looked at, never repeated.
"""

from __future__ import annotations

import re

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import HypercellError, Interrupted, OutputLimitExceeded, TimedOut

_KEPT = "nothing of this cell is kept"
_TIME = (
    f"an endless loop? {_KEPT}; for more time put --timeout SECONDS on its first line "
    "(%%python --timeout 20), up to what %limits shows"
)
_OUTPUT = f"an endless loop? {_KEPT}; what is so long goes into a file of /home"
_PACKAGE = (
    "cells have Python's standard library; %pip install NAME adds pure-Python packages, where the "
    "owner of this machine grants them"
)
_NETWORK = "a micro-VM has no network: put what you need into /home, with %%file for example"
_FILES = "this machine's files are not in the micro-VM: a cell has /home and /tmp; see %files"
_WRITABLE = "a cell can write in /home and /tmp only"
_THREADS = "a micro-VM has one processor and no threads; asyncio works"
_PROGRAMS = "there is no shell and no other program in a micro-VM; %languages lists languages"
_MEMORY = "%limits shows what a cell may use; go through large data piece by piece"
_OUTSIDE = re.compile(r"directory: '/(?!home/|tmp/)")
_NO_NETWORK = frozenset({"URLError", "gaierror"})


def advice(error: HypercellError) -> str:
    """A hint, or nothing: then the error's own stands."""
    if isinstance(error, TimedOut):
        return _TIME
    if isinstance(error, OutputLimitExceeded):
        return _OUTPUT
    if isinstance(error, Interrupted):
        return _KEPT
    return _of_python(error) if isinstance(error, CellException) else ""


def _of_python(error: CellException) -> str:
    name, text = error.name, error.message
    if name == "ModuleNotFoundError":
        return _PACKAGE
    if name == "MemoryError":
        return _MEMORY
    if name in _NO_NETWORK or (name == "PermissionError" and "/socket.py" in error.traceback):
        return _NETWORK
    if name == "FileNotFoundError" and _OUTSIDE.search(text):
        return _FILES
    if name == "RuntimeError" and "start new thread" in text:
        return _THREADS
    if name == "OSError" and "Read-only file system" in text:
        return _WRITABLE
    if name == "OSError" and "does not support processes" in text:
        return _PROGRAMS
    return ""
