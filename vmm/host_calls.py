"""System calls of this machine that fail become errors of the tree."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

from hypercell.vmm.errors import SystemCallFailed

KILLED = "killed from outside, perhaps for want of memory: try again"
_FILES = "raise the limit on open files (ulimit -n), or close other kernels"
_SPACE = "free space on the disk, or memory"
_HINTS = {
    errno.EMFILE: _FILES,
    errno.ENFILE: "close other kernels",
    errno.ETOOMANYREFS: _FILES,
    errno.ENOMEM: "free memory, or lower the memory limit",
    errno.ENOBUFS: "free memory, then try again",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EAGAIN: "close programs, or raise the limit on processes (ulimit -u)",
}
_ANY = "try again; if it repeats, `hypercell doctor` says what this machine lacks"
_NO_THREAD = "can't start new thread"


def hint(code: int) -> str:
    """What to do about an errno."""
    return _HINTS.get(code, _ANY)


def refused(what: str, error: OSError) -> SystemCallFailed:
    """The error for a system call that failed while ``what`` was being done."""
    code = error.errno or 0
    why = os.strerror(code) if code else str(error)
    message = f"this machine refused a system call while {what}: {why}"
    return SystemCallFailed(what, code, message, hint=hint(code))


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Raise ``SystemCallFailed`` for what the machine refuses within: a system call, memory, a
    thread. ``what``: was being done.
    """
    try:
        yield
    except OSError as error:
        raise refused(what, error) from error
    except MemoryError as error:
        raise refused(what, OSError(errno.ENOMEM, "")) from error
    except RuntimeError as error:
        if _NO_THREAD not in str(error):
            raise
        raise refused(what, OSError(errno.EAGAIN, "")) from error
