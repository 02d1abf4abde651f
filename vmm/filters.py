"""Which system calls each kind of process may make: whatever is not here kills it.

Measured with strace over the tests of the VM. What those never did and is here all the same:
clock_gettime (machines whose vDSO cannot tell the time), restart_syscall (a stop and a continue),
mremap and madvise (malloc), exit and sched_getaffinity (many threads), futex (locks of another
Python or C library), write (stderr). Filters add up: a server's list contains its children's, and
a worker's that of one whose VM is parked.
"""

from __future__ import annotations

import errno
from typing import Final

import msgspec

from hypercell.vmm import kvm, libc, linux
from hypercell.vmm.seccomp import SELF, SET_MODE_FILTER, Rule, allow, failure, refuse

_PROT_EXEC = 4
_MFD_OURS = 3  # close on exec, sealable
_FORK = 0x0120_0011  # SIGCHLD, and what glibc keeps its thread ids with
_THREAD = 0x003D_0F00  # shares everything, as pthread_create has it
_NO_PROGRAM = Rule("mmap", argument=2, bits=_PROT_EXEC)

_ANY = (
    *allow("recvmsg", "sendmsg", "poll", "close", "futex"),
    _NO_PROGRAM,
    *allow("munmap", "madvise", "brk", "mremap"),
    *allow("lseek", "pread64", "pwrite64", "getrandom", "clock_gettime"),
    *allow("restart_syscall", "exit_group"),
    *allow("write"),  # stderr
    Rule("memfd_create", argument=1, values=(_MFD_OURS,)),
    Rule("prlimit64", argument=0, values=(0,)),
    Rule("fcntl", argument=1, values=(linux.F_ADD_SEALS,)),
)

_VM = (
    *_ANY,
    *allow("preadv2", "pwritev2", "setitimer", "rt_sigreturn", "pselect6", "ftruncate"),
)

WORKER: Final = (
    Rule("ioctl", argument=1, values=(*kvm.REQUESTS, libc.PAGEMAP_SCAN)),
    *_VM,
    Rule("seccomp", argument=0, values=(SET_MODE_FILTER,)),  # for the narrower filter, once
)

_MAPPINGS = (
    libc.MAP_PRIVATE | libc.MAP_ANONYMOUS,  # malloc
    libc.MAP_PRIVATE | libc.MAP_ANONYMOUS | libc.MAP_NORESERVE,  # address space
    # guest memory that grows
    libc.MAP_PRIVATE | libc.MAP_ANONYMOUS | libc.MAP_FIXED | libc.MAP_NORESERVE,
    libc.MAP_SHARED | libc.MAP_FIXED,  # code and layers of a job, a session's memory
    libc.MAP_SHARED,  # a snapshot to compare with
)

# From here on the guest is hostile. There is no second VM, and no way back to a new state.
PARKED: Final = (
    Rule("ioctl", argument=1, values=(*kvm.PARKED_REQUESTS, libc.PAGEMAP_SCAN)),
    *(rule for rule in _VM if rule.name != "mmap"),
    Rule("mmap", argument=3, values=_MAPPINGS, bits=_PROT_EXEC, bits_argument=2),
)

COMPILE: Final = (
    *_ANY,
    # Wasmtime makes what it compiled executable. Here nothing becomes that, and nothing runs it.
    Rule("mprotect", argument=2, bits=_PROT_EXEC, otherwise=failure(0)),
    *allow("dup2"),
    # Threads. The flags of clone3 lie in memory, out of a filter's sight: glibc then uses clone.
    refuse("clone3", errno.ENOSYS),
    Rule("clone", argument=0, values=(_THREAD,)),
    *allow("set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "exit"),
    *allow("rt_sigaction", "rt_sigprocmask", "gettid", "getpid"),
    Rule("tgkill", argument=0, values=(SELF,)),  # abort(3)
)

# Reads what a cell shows (kernel/display): one thread, no file, no program.
PARSER: Final = (
    *_ANY,
    *allow("rt_sigprocmask", "getpid", "gettid"),
    Rule("tgkill", argument=0, values=(SELF,)),  # abort(3)
)

_SERVER = (
    *allow("openat", "close_range", "wait4", "pidfd_open", "getsockname", "getpeername"),
    *allow("getsockopt", "setsid", "getppid", "prctl", "seccomp", "landlock_restrict_self"),
    # From 3.12 on Python counts its threads in /proc/self/stat at each fork. Without the size of
    # that file it does as well; the same call could ask about any file.
    *allow("read", "fstat"),
    refuse("newfstatat", errno.EACCES),
)


class Filters(msgspec.Struct, frozen=True):
    """The rules of a server, of the children that it forks, and of a child that is prepared."""

    server: tuple[Rule, ...]
    child: tuple[Rule, ...]
    prepared: tuple[Rule, ...] = ()


ZYGOTE: Final = Filters(
    (
        *(rule for rule in WORKER if rule.name != "seccomp"),
        *_SERVER,
        *allow("mprotect", "rt_sigaction", "rt_sigprocmask", "set_robust_list", "gettid"),
        Rule("clone", argument=0, values=(_FORK,)),
        refuse("clone3", errno.ENOSYS),
    ),
    WORKER,
    PARKED,
)
COMPILER: Final = Filters(
    (
        *(rule for rule in COMPILE if rule.name not in ("clone", "tgkill")),
        *_SERVER,
        Rule("clone", argument=0, values=(_FORK, _THREAD)),
        *allow("tgkill"),  # that of a child: its own filter says which
    ),
    COMPILE,
)
