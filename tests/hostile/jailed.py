"""Runs test code where a worker or a compile would run: in a child of a locked server.

The server is a fork of the test process that went through the same ``jail.enter_server`` and
``jail.Jail`` as the zygote or the compiler; its children go through ``Jail.enter_child``. Nothing
of this is reachable from production code.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from hypercell.vmm import jail, kvm, libc
from hypercell.vmm.filters import Filters
from hypercell.vmm.jail import Jail, Rlimits

_libc = ctypes.CDLL(None, use_errno=True)
_ANSWER = 0x1000


class Prey(msgspec.Struct, frozen=True):
    """What an attack may aim at."""

    kvm: int  # an open /dev/kvm
    parent: int  # the server's process id
    sibling: int  # that of another child
    tester: int  # that of the test process
    program: int  # address of code from before the jail that makes a 32-bit system call


class Outcome(msgspec.Struct, frozen=True):
    """``signal``: what killed the process, or None; else what its last call returned."""

    signal: int | None
    value: int = 0
    errno: int = 0

    @property
    def killed(self) -> bool:
        return self.signal == signal.SIGSYS

    @property
    def refused(self) -> bool:
        return self.signal is None and self.value == -1


Attack = Callable[[Prey], int]


def call(number: int, *arguments: int | bytes) -> int:
    """One raw system call; errno stays for the report."""
    words = [
        argument if isinstance(argument, bytes) else ctypes.c_ulong(argument & (2**64 - 1))
        for argument in arguments
    ]
    result: int = _libc.syscall(ctypes.c_long(number), *words)
    return result


@contextmanager
def locked(
    filters: Filters, attacks: list[Attack], *, narrow: bool = False
) -> Iterator[Callable[[int], Outcome]]:
    """A locked server that knows ``attacks``; what it yields runs one of them in a new child.

    ``narrow``: the child has let go of what only its preparation needed.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    tester = os.getpid()
    program = _int_0x80()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            _serve(filters, narrow, attacks, theirs, tester, program)
        finally:
            os._exit(70)
    theirs.close()
    ours.settimeout(240)

    def run(index: int) -> Outcome:
        ours.sendmsg([index.to_bytes(4, "little")])
        return msgspec.msgpack.decode(ours.recv(_ANSWER), type=Outcome)

    try:
        yield run
    finally:
        ours.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _serve(
    filters: Filters,
    narrow: bool,
    attacks: list[Attack],
    sock: socket.socket,
    tester: int,
    program: int,
) -> None:
    jail.enter_server(tester)
    device = kvm.open_kvm()
    own = os.getpid()
    lock = Jail(filters)
    assert not lock.missing, lock.missing
    sibling = os.fork()
    if sibling == 0:
        libc.prctl(1, signal.SIGKILL)  # it ends with the server
        sock.close()
        select.poll().poll()
    prey = Prey(device, own, sibling, tester, program)
    while request := sock.recvmsg(16)[0]:
        attack = attacks[int.from_bytes(request, "little")]
        pid = os.fork()
        if pid == 0:
            _child(lock, narrow, attack, sock, prey)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status:
            sock.sendmsg([msgspec.msgpack.encode(Outcome(-status))])


def _child(lock: Jail, narrow: bool, attack: Attack, sock: socket.socket, prey: Prey) -> None:
    lock.enter_child([sock.fileno(), prey.kvm], Rlimits(64, 1 << 30, forks=True))
    if narrow:
        lock.narrow()
    ctypes.set_errno(0)
    value = attack(prey)
    sock.sendmsg([msgspec.msgpack.encode(Outcome(None, value, ctypes.get_errno()))])
    os._exit(0)


def _int_0x80() -> int:
    """Executable memory from before the jail, with a call of the 32-bit ABI."""
    protection, flags = 7, 0x22
    _libc.mmap.restype = ctypes.c_void_p
    address: int = _libc.mmap(None, ctypes.c_size_t(4096), protection, flags, -1, ctypes.c_long(0))
    ctypes.memmove(address, b"\xb8\x14\x00\x00\x00\xcd\x80\xc3", 8)  # getpid; return
    return address
