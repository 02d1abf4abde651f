"""What code that has taken over a worker or a compile could try next, as raw system calls.

Raw: what they show is the jail and nothing of Python.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import signal
import threading

from jailed import Attack, Prey, call

from hypercell.vmm import libc
from hypercell.vmm.syscalls import NUMBERS

LAST_CALL = 470  # beyond the last one that Linux has
_READ_WRITE, _EXEC = mmap.PROT_READ | mmap.PROT_WRITE, mmap.PROT_EXEC
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_PATH = b"/etc/passwd\0"
_N = NUMBERS
_SOCKET, _CONNECT, _SOCKETPAIR, _EXECVE, _PTRACE = 41, 42, 53, 59, 101


def _map_anonymous(protection: int) -> int:
    return call(_N["mmap"], 0, 4096, protection, _PRIVATE, -1, 0)


def _map(flags: int) -> int:
    return call(_N["mmap"], 0, 4096, _READ_WRITE, flags, -1, 0)


def _executable_memory_file(_: Prey) -> int:
    fd = call(_N["memfd_create"], b"code\0", 3)
    call(_N["ftruncate"], fd, 4096)
    return call(_N["mmap"], 0, 4096, mmap.PROT_READ | _EXEC, mmap.MAP_SHARED, fd, 0)


def _run_memory_file(_: Prey) -> int:
    fd = call(_N["memfd_create"], b"code\0", 3)
    call(_N["pwrite64"], fd, b"#!/bin/sh\n", 10, 0)
    return call(322, fd, b"\0", 0, 0, 0x1000)  # execveat, AT_EMPTY_PATH


def _old_abi(prey: Prey) -> int:
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(prey.program)())


def _more(which: int) -> Attack:
    """Raise a limit again."""

    def attack(_: Prey) -> int:
        high = (resource.RLIM_INFINITY & (2**64 - 1)).to_bytes(8, "little") * 2
        return call(_N["prlimit64"], 0, which, high, 0)

    return attack


# Each of these must kill the process with SIGSYS, in a worker and in a compile.
DEADLY: dict[str, Attack] = {
    "open": lambda _: call(2, _PATH, 0),
    "openat": lambda _: call(_N["openat"], -100, _PATH, 0),
    "openat2": lambda _: call(437, -100, _PATH, bytes(24), 24),
    "open_by_handle_at": lambda _: call(304, -100, bytes(64), 0),
    "creat": lambda _: call(85, b"/tmp/planted\0", 0o600),
    "stat": lambda _: call(4, _PATH, bytes(256)),
    "execve": lambda _: call(_EXECVE, b"/bin/sh\0", 0, 0),
    "execveat of a memory file": _run_memory_file,
    "fork": lambda _: call(57),
    "vfork": lambda _: call(58),
    "clone of a process": lambda _: call(_N["clone"], signal.SIGCHLD, 0, 0, 0, 0),
    "clone as glibc forks": lambda _: call(_N["clone"], 0x0120_0011, 0, 0, 0, 0),
    "clone into new namespaces": lambda _: call(_N["clone"], 0x1000_0000 | signal.SIGCHLD, 0),
    "socket": lambda _: call(_SOCKET, 2, 1, 0),
    "socketpair": lambda _: call(_SOCKETPAIR, 1, 1, 0, bytes(8)),
    "connect": lambda _: call(_CONNECT, 0, bytes(16), 16),
    "ptrace of the parent": lambda prey: call(_PTRACE, 16, prey.parent, 0, 0),
    "ptrace of a sibling": lambda prey: call(_PTRACE, 16, prey.sibling, 0, 0),
    "ptrace: traceme": lambda _: call(_PTRACE, 0, 0, 0, 0),
    "mmap of executable memory": lambda _: _map_anonymous(_READ_WRITE | _EXEC),
    "mmap of an executable memory file": _executable_memory_file,
    "pkey_mprotect": lambda _: call(329, 0, 4096, _EXEC, -1),
    "personality: readable is executable": lambda _: call(135, 0x040_0000),
    "shmat, executable": lambda _: call(30, 0, 0, 0o100000),
    "memfd_create, hugetlb": lambda _: call(_N["memfd_create"], b"x\0", 4),
    "memfd_create that cannot be sealed": lambda _: call(_N["memfd_create"], b"x\0", 1),
    "memfd_create that survives exec": lambda _: call(_N["memfd_create"], b"x\0", 2),
    "memfd_secret": lambda _: call(447, 0),
    "io_uring_setup": lambda _: call(425, 8, bytes(120)),
    "io_uring_enter": lambda _: call(426, 0, 1, 0, 0, 0, 0),
    "io_uring_register": lambda _: call(427, 0, 0, 0, 0),
    "kill of the parent": lambda prey: call(62, prey.parent, 9),
    "kill of a sibling": lambda prey: call(62, prey.sibling, 9),
    "kill of itself": lambda _: call(62, os.getpid(), 9),
    "kill of everybody": lambda _: call(62, -1, 9),
    "tkill": lambda prey: call(200, prey.parent, 9),
    "tgkill of a sibling": lambda prey: call(_N["tgkill"], prey.sibling, prey.sibling, 9),
    "tgkill of the tester": lambda prey: call(_N["tgkill"], prey.tester, prey.tester, 9),
    "pidfd_open": lambda prey: call(_N["pidfd_open"], prey.tester, 0),
    "pidfd_send_signal": lambda _: call(424, 0, 9, 0, 0),
    "pidfd_getfd": lambda _: call(438, 0, 0, 0),
    "prctl: no seccomp": lambda _: call(_N["prctl"], 22, 0, 0),
    "prctl: dumpable": lambda _: call(_N["prctl"], 4, 1),
    "prctl: no death signal": lambda _: call(_N["prctl"], 1, 0),
    "seccomp": lambda _: call(_N["seccomp"], 2, 0, 0),
    "landlock": lambda _: call(_N["landlock_create_ruleset"], 0, 0, 1),
    "bpf": lambda _: call(321, 0, bytes(64), 64),
    "perf_event_open": lambda _: call(298, bytes(120), 0, -1, -1, 0),
    "userfaultfd": lambda _: call(323, 1),
    "process_vm_readv": lambda prey: call(310, prey.tester, 0, 0, 0, 0, 0),
    "process_vm_writev": lambda prey: call(311, prey.tester, 0, 0, 0, 0, 0),
    "prlimit of the parent": lambda prey: call(_N["prlimit64"], prey.parent, 7, 0, bytes(16)),
    "process_madvise": lambda _: call(440, 0, 0, 0, 0, 0),
    "kcmp": lambda prey: call(312, prey.tester, prey.parent, 0, 0, 0),
    "unshare": lambda _: call(272, 0x1000_0000),
    "setns": lambda _: call(308, 0, 0),
    "mount": lambda _: call(165, b"none\0", b"/tmp\0", b"tmpfs\0", 0, 0),
    "umount2": lambda _: call(166, b"/proc\0", 2),
    "pivot_root": lambda _: call(155, b"/\0", b"/\0"),
    "move_mount": lambda _: call(429, -100, _PATH, -100, _PATH, 0),
    "open_tree": lambda _: call(428, -100, b"/\0", 1),
    "fsopen": lambda _: call(430, b"tmpfs\0", 0),
    "chroot": lambda _: call(161, b"/\0"),
    "chdir": lambda _: call(80, b"/\0"),
    "unlink": lambda _: call(87, b"/tmp/x\0"),
    "rename": lambda _: call(82, b"/tmp/x\0", b"/tmp/y\0"),
    "symlink": lambda _: call(88, _PATH, b"/tmp/planted\0"),
    "truncate of a path": lambda _: call(76, b"/tmp/x\0", 0),
    "mknod": lambda _: call(133, b"/tmp/planted\0", 0o020666, 0x101),
    "chmod": lambda _: call(90, _PATH, 0o777),
    "inotify_init": lambda _: call(253),
    "fanotify_init": lambda _: call(300, 0, 0),
    "getdents64": lambda _: call(217, 0, bytes(256), 256),
    "sendfile": lambda _: call(40, 1, 0, 0, 1),
    "splice": lambda _: call(275, 0, 0, 1, 0, 1, 0),
    "dup": lambda _: call(32, 0),
    "pipe": lambda _: call(22, bytes(8)),
    "accept": lambda _: call(43, 0, 0, 0),
    "bind": lambda _: call(49, 0, bytes(16), 16),
    "eventfd2": lambda _: call(290, 0, 0),
    "timer_create": lambda _: call(222, 0, 0, bytes(8)),
    "shmget": lambda _: call(29, 0, 4096, 0o1600),
    "mq_open": lambda _: call(240, b"x\0", 0x40, 0o600, 0),
    "sched_setaffinity": lambda _: call(203, 0, 8, bytes(8)),
    "setpriority": lambda _: call(141, 0, 0, -20),
    "setsid": lambda _: call(112),
    "setrlimit": lambda _: call(160, 7, bytes(16)),
    "acct": lambda _: call(163, b"/tmp/x\0"),
    "syslog": lambda _: call(103, 3, bytes(64), 64),
    "swapon": lambda _: call(167, _PATH, 0),
    "settimeofday": lambda _: call(164, bytes(16), 0),
    "keyctl": lambda _: call(250, 0, 0),
    "add_key": lambda _: call(248, b"user\0", b"x\0", b"x", 1, -2),
    "capset": lambda _: call(_N["capset"], bytes(8), bytes(24)),
    "request_key": lambda _: call(249, b"user\0", b"x\0", 0, 0),
    "setuid": lambda _: call(105, 0),
    "init_module": lambda _: call(175, 0, 0, 0),
    "kexec_load": lambda _: call(246, 0, 0, 0, 0),
    "reboot": lambda _: call(169, 0, 0, 0),
    "iopl": lambda _: call(172, 3),
    "modify_ldt": lambda _: call(154, 1, bytes(16), 16),
    "arch_prctl": lambda _: call(158, 0x1002, 0),
    "fcntl: duplicate": lambda _: call(_N["fcntl"], 0, fcntl.F_DUPFD, 100),
    "fcntl: owner": lambda prey: call(_N["fcntl"], 0, fcntl.F_SETOWN, prey.tester),
    "ioctl TIOCSTI": lambda _: call(_N["ioctl"], 0, 0x5412, b"x"),
    "x32 ABI": lambda _: call(0x4000_0000 | _N["write"], 2, b"x", 1),
}
# These kill only where a VM is parked: until then they are what it is made with.
DEADLY_PARKED: dict[str, Attack] = {
    "KVM_CREATE_VM": lambda prey: call(_N["ioctl"], prey.kvm, 0xAE01, 0),
    "KVM_CREATE_VCPU": lambda prey: call(_N["ioctl"], prey.kvm, 0xAE41, 0),
    "KVM_SET_CPUID2": lambda prey: call(_N["ioctl"], prey.kvm, 0x4008AE90, bytes(8)),
    "KVM_X86_SET_MSR_FILTER": lambda prey: call(_N["ioctl"], prey.kvm, 0x4188AEC6, bytes(392)),
    "KVM_GET_SREGS": lambda prey: call(_N["ioctl"], prey.kvm, 0x8138AE83, bytes(312)),
    "KVM_SET_SREGS": lambda prey: call(_N["ioctl"], prey.kvm, 0x4138AE84, bytes(312)),
    "KVM_SET_XCRS": lambda prey: call(_N["ioctl"], prey.kvm, 0x4188AEA7, bytes(392)),
    "another filter": lambda _: call(_N["seccomp"], 1, 0, 0),
    "a signal handler": lambda _: call(_N["rt_sigaction"], signal.SIGALRM, 0, 0, 8),
    "mmap of shared anonymous memory": lambda _: _map(mmap.MAP_SHARED | mmap.MAP_ANONYMOUS),
    "mmap of huge pages": lambda _: _map(_PRIVATE | 0x4_0000),
    "mmap that grows downwards": lambda _: _map(_PRIVATE | 0x100),
    "mmap that is locked": lambda _: _map(_PRIVATE | 0x2000),
    "mmap at a low address": lambda _: _map(_PRIVATE | 0x10_0000),
}
# In a worker alone: a compile has no /dev/kvm, and no ioctl at all.
KVM = {
    "KVM_CREATE_IRQCHIP": 0xAE60,
    "KVM_CREATE_PIT2": 0x4040AE77,
    "KVM_CREATE_DEVICE": 0xC00CAEE0,
    "KVM_IRQFD": 0x4020AE76,
    "KVM_IOEVENTFD": 0x4040AE79,
    "KVM_ENABLE_CAP": 0x4068AEA3,
    "KVM_SET_GUEST_DEBUG": 0x4048AE9B,
    "KVM_SET_MSRS": 0x4008AE89,
    "KVM_SET_NESTED_STATE": 0x4080AEBF,
    "KVM_SMI": 0xAEB7,
    "KVM_NMI": 0xAE9A,
    "KVM_INTERRUPT": 0x4004AE86,
    "KVM_MEMORY_ENCRYPT_OP": 0xC008AEBA,
    "KVM_CREATE_GUEST_MEMFD": 0xC040AED4,
    "KVM_GET_DIRTY_LOG": 0x4010AE42,
    "KVM_GET_SUPPORTED_CPUID": 0xC008AE05,
}
# Each of these fails with an errno.
REFUSED: dict[str, tuple[Attack, int]] = {
    "more descriptors": (_more(resource.RLIMIT_NOFILE), errno.EPERM),
    "larger files": (_more(resource.RLIMIT_FSIZE), errno.EPERM),
    "core dumps": (_more(resource.RLIMIT_CORE), errno.EPERM),
}
THREADS: dict[str, tuple[Attack, int]] = {
    "clone3": (lambda _: call(_N["clone3"], bytes(88), 88), errno.ENOSYS),
}


def _many_threads(_: Prey) -> int:
    """More threads than glibc's malloc has arenas before it asks a file for the processors."""
    libc.keep_malloc_from_files(8)
    barrier = threading.Barrier(20)
    malloc = ctypes.CDLL(None).malloc

    def work() -> None:
        barrier.wait()
        malloc(1000)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 20


def _free_much(_: Prey) -> int:
    """More than a thread's malloc keeps: it would ask a file before it gives any back."""
    libc.keep_malloc_from_files(8)
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p

    def work() -> None:
        chunks = [library.malloc(0x1_0000) for _ in range(800)]
        for chunk in reversed(chunks):
            library.free(ctypes.c_void_p(chunk))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return 1


def _protect(_: Prey) -> int:
    """Make memory executable, then run it."""
    address = _map_anonymous(_READ_WRITE)
    ctypes.memmove(address, b"\xc3", 1)
    if call(_N["mprotect"], address, 4096, mmap.PROT_READ | _EXEC):
        return 1
    ctypes.CFUNCTYPE(None)(address)()
    return 0


def _sweep(number: int) -> Attack:
    return lambda _: call(number, 0, 0, 0, 0, 0, 0)


def _request(request: int) -> Attack:
    return lambda prey: call(_N["ioctl"], prey.kvm, request, 0)


ALL: dict[str, Attack] = {
    **DEADLY,
    **DEADLY_PARKED,
    **{name: _request(number) for name, number in KVM.items()},
    **{f"ioctl {0xAE00 | number:#x}": _request(0xAE00 | number) for number in range(256)},
    **{name: attack for name, (attack, _) in (REFUSED | THREADS).items()},
    "threads": _many_threads,
    "much is freed": _free_much,
    "mprotect": _protect,
    "the 32-bit ABI": _old_abi,
    "nothing": lambda _: 42,
    "abort": lambda _: os.abort(),
    **{f"call {number}": _sweep(number) for number in range(LAST_CALL)},
}
