"""System calls that Python's library has only where the C library had them when it was built.

A Python that should run on any Linux (conda's, and uv's until 2026) is built for an old one and
lacks them; the Linux that we need has them all.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from hypercell.vmm.syscalls import NUMBERS

F_ADD_SEALS: Final = 1033
F_GET_SEALS: Final = 1034
SIZE_SEALS: Final = 0b0111  # against sealing, shrinking, growing
ALL_SEALS: Final = 0b1111  # and against writing
_CLOEXEC, _ALLOW_SEALING = 1, 2


def memfd_create(name: str) -> int:
    """A new memory file, closed on exec, that can be sealed. Raises ``OSError``."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, _CLOEXEC | _ALLOW_SEALING)
    from hypercell.vmm import libc

    text = name.encode() + b"\0"
    return _checked(libc.syscall(NUMBERS["memfd_create"], libc.address(text), 3))


def pidfd_open(pid: int) -> int:
    """A descriptor of a process. Raises ``OSError``."""
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid)
    from hypercell.vmm import libc

    return _checked(libc.syscall(NUMBERS["pidfd_open"], pid))


def pidfd_kill(pidfd: int) -> None:
    """SIGKILL for a process by its descriptor. Raises ``OSError``."""
    if hasattr(signal, "pidfd_send_signal"):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        return
    from hypercell.vmm import libc

    _checked(libc.syscall(NUMBERS["pidfd_send_signal"], pidfd, signal.SIGKILL))


def close_range(first: int, last: int) -> None:
    """Close all descriptors from ``first`` to ``last``.

    Never by Python's way first: where it lacks this call too it closes each number by itself.
    """
    from hypercell.vmm import libc

    if first <= last and libc.syscall(NUMBERS["close_range"], first, last) < 0:
        os.closerange(first, last + 1)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result
