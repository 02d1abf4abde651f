"""System calls of this machine that fail become errors of the tree."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from hypercell.vmm.errors import SystemCallFailed

_HINTS = {
    errno.EMFILE: "raise ulimit -n, or close other kernels",
    errno.ENFILE: "close other kernels",
    errno.ENOMEM: "free memory, or lower the memory limit",
    errno.ENOSPC: "free space on the disk, or memory",
}


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Raise ``SystemCallFailed`` for an ``OSError`` within. ``what``: was being done."""
    try:
        yield
    except OSError as error:
        code = error.errno or 0
        why = os.strerror(code) if code else str(error)
        message = f"this machine refused a system call while {what}: {why}"
        raise SystemCallFailed(what, code, message, hint=_HINTS.get(code, "")) from error
