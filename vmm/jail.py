"""What every process of ours gives up before it touches anything hostile.

A *server* (zygote, compiler) is started once and forks; a *child* (worker, one compile) serves one
request. Both come from here, so this is the one place to tighten.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from hypercell.vmm import libc

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_MAX_FD = 1 << 20
_STANDARD = 3
_KILL_FIRST = "900"  # out of memory: a worker goes before the notebook does


class Rlimits(msgspec.Struct, frozen=True):
    """Limits of one process; None leaves one as it is. Sizes in bytes, ``cpu`` in seconds."""

    descriptors: int
    file_size: int
    cpu: int | None = None
    forks: bool = False


def enter_server(parent: int) -> None:
    """For a server right after its start. ``parent``: the process id of the kernel process."""
    _die_with(parent)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    os.environ.clear()
    os.umask(0o077)
    os.chdir("/")
    # Jupyter interrupts and terminals signal whole groups; our processes are told over channels.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def ready_to_fork() -> None:
    """Before the first fork: children then share the pages of all objects that exist."""
    gc.collect()
    gc.freeze()
    gc.disable()


def enter_child(parent: int, keep: Iterable[int], limits: Rlimits) -> None:
    """For a child right after the fork: it keeps ``keep`` and standard descriptors, no more.

    ``parent``: the process id of its server. Whoever forks must be single-threaded, since the
    death signal comes when the forking *thread* ends.
    """
    _die_with(parent)
    os.setsid()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _close_others(keep)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_KILL_FIRST)
    set_limits(limits)
    # The one place where landlock and seccomp belong: from here on nothing is opened, only
    # descriptors that arrive over the channel are used. They are not there yet.


def set_limits(limits: Rlimits) -> None:
    """Lower the limits of this process; what is lowered never rises again."""
    for which, value in (
        (resource.RLIMIT_NOFILE, limits.descriptors),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_NPROC, None if limits.forks else 0),
        (resource.RLIMIT_CORE, 0),
    ):
        if value is None:
            continue
        hard = resource.getrlimit(which)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(which, (value, value))


class Mapped(NamedTuple):
    """Bytes that this process maps: private and writable, and in all."""

    private: int
    total: int


def mapped_now() -> Mapped:
    """What this process maps now."""
    with open("/proc/self/statm") as file:
        pages = [int(field) for field in file.read().split()]
    return Mapped(pages[5] * resource.getpagesize(), pages[0] * resource.getpagesize())


def limit_memory(now: Mapped, more: Mapped) -> None:
    """Bound what this process may map to ``more`` beyond ``now``; it never rises again."""
    for which, limit in (
        (resource.RLIMIT_DATA, now.private + more.private),
        (resource.RLIMIT_AS, now.total + more.total),
    ):
        hard = resource.getrlimit(which)[1]
        value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(which, (value, value))


def forbid_files() -> None:
    """No file, of memory or not, grows by this process from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def limit_files(size: int) -> None:
    """No file grows over ``size`` bytes by this process from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _die_with(parent: int) -> None:
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)


def _close_others(keep: Iterable[int]) -> None:
    start = _STANDARD
    for fd in sorted({fd for fd in keep if fd >= _STANDARD}):
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, _MAX_FD)
