"""What every process of ours gives up before it touches anything hostile: the one place for it.

A *server* (zygote, compiler) is started once and forks; a *child* (worker, one compile) serves one
request. A server enters in two steps: ``enter_server`` at once, and ``Jail`` when it has imported
and opened what it and its children need. A child enters with ``Jail.enter_child``; a worker whose
VM is parked goes one step further with ``Jail.narrow``.
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

from hypercell.vmm import capabilities, landlock, libc, linux, seccomp
from hypercell.vmm.errors import IsolationMissing
from hypercell.vmm.filters import Filters

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_MAX_FD = 1 << 20
_STANDARD = 3
_PROC = "/proc"  # a new child tells its memory's rank there, and opens its page map
_DEFAULT_SIGNALS = (
    *(signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGUSR1, signal.SIGHUP),
)
_KILL_FIRST = b"900"  # out of memory: a worker goes before the notebook does


class Rlimits(msgspec.Struct, frozen=True):
    """Limits of one process; None leaves one as it is. Sizes in bytes, ``cpu`` in seconds.

    ``forks``: threads and processes may be made of it, if only by the Linux kernel itself.
    """

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
    for number in _DEFAULT_SIGNALS:  # its children inherit this
        signal.signal(number, signal.SIG_DFL)
    # Jupyter interrupts and terminals signal whole groups; our processes are told over channels.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def ready_to_fork() -> None:
    """Before the first fork: children then share the pages of all objects that exist."""
    gc.collect()
    gc.freeze()
    gc.disable()


class _Own:
    """What a child opens of itself before it can open nothing any more."""

    statm = -1  # /proc/self/statm: pages in use


_own = _Own()


class Jail:
    """The layers around a server, from now on, and around its children.

    ``missing``: those that this machine does not have, and why. Whether that will do is for the
    kernel process to decide, which holds the owner's configuration.
    """

    def __init__(self, filters: Filters) -> None:
        self.missing = problems()
        self._parent = os.getpid()
        self._filter = b""
        self._prepared = b""
        self._rules = -1
        capabilities.drop()
        if "landlock" not in self.missing:
            self._rules = landlock.ruleset()
            landlock.restrict(landlock.ruleset(_PROC))
        if "seccomp" not in self.missing:
            self._filter = seccomp.program(filters.child)
            self._prepared = seccomp.program(filters.prepared) if filters.prepared else b""
            seccomp.install(seccomp.program(filters.server))

    def enter_child(self, keep: Iterable[int], limits: Rlimits) -> None:
        """For a child right after the fork; as ``enter_child``, and then the kernel's layers.

        Afterwards nothing can be opened: only what arrives over the channel is used.
        """
        enter_child(self._parent, [*keep, self._rules], limits)
        if self._rules >= 0:
            landlock.restrict(self._rules)
            os.close(self._rules)
        if self._filter:
            seccomp.install(self._filter)

    def narrow(self) -> None:
        """For a child that has prepared all it needs, before it meets anything hostile."""
        if self._prepared:
            seccomp.install(self._prepared)


def enter_child(parent: int, keep: Iterable[int], limits: Rlimits) -> None:
    """For a child right after the fork: it keeps ``keep`` and standard descriptors, no more.

    ``parent``: the process id of its server. Whoever forks must be single-threaded, since the
    death signal comes when the forking *thread* ends.
    """
    _die_with(parent)
    os.setsid()
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with contextlib.suppress(OSError):
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(score, _KILL_FIRST)
    _own.statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    _close_others([*keep, _own.statm])
    set_limits(limits)


def problems() -> dict[str, str]:
    """The layers that this machine cannot give, and why."""
    found = {}
    if problem := seccomp.problem():
        found["seccomp"] = problem
    try:
        landlock.version()
    except IsolationMissing as error:
        found["landlock"] = error.message
    return found


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
    pages = [int(field) for field in os.pread(_own.statm, 256, 0).split()]
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
        linux.close_range(start, fd - 1)
        start = fd + 1
    linux.close_range(start, _MAX_FD)
