"""A server of ours (zygote, compiler) whose nth call fails, or that of one of its children.

``Faults`` is the test's side: which call, which n, which errno lie in a page that the test, the
servers and their children share. It has the hypervisor start the real servers by way of ``main``
below, which puts a counter before every call of the table and then runs the server unchanged.
"""

from __future__ import annotations

import errno
import mmap
import os
import runpy
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from descriptors import without_descriptors

from hypercell.vmm import fork_client, kvm, landlock, libc, linux, memfd, seccomp
from hypercell.vmm.errors import IsolationMissing, SystemCallFailed

Raises = Callable[[int], Exception]


def _os(code: int) -> Exception:
    return OSError(code, os.strerror(code))


def _call(code: int) -> Exception:
    return SystemCallFailed("injected", code, "injected", hint="it was injected")


def _layer(code: int) -> Exception:
    return IsolationMissing("injected", os.strerror(code), hint="it was injected")


CALLS: dict[str, tuple[Any, str, Raises, tuple[int, ...]]] = {
    "fork": (os, "fork", _os, (errno.EAGAIN, errno.ENOMEM)),
    "pidfd_open": (linux, "pidfd_open", _os, (errno.EMFILE, errno.ENFILE, errno.ENOMEM)),
    "sendmsg": (
        socket.socket,
        "sendmsg",
        _os,
        (errno.EPIPE, errno.ECONNRESET, errno.EMSGSIZE, errno.EAGAIN, errno.ENOBUFS),
    ),
    "recvmsg": (
        socket.socket,
        "recvmsg",
        _os,
        (errno.ECONNRESET, errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM),
    ),
    "recvmsg without descriptors": (socket.socket, "recvmsg", _os, (errno.EMFILE,)),
    "memfd_create": (linux, "memfd_create", _os, (errno.EMFILE, errno.ENFILE, errno.ENOMEM)),
    "pwrite": (os, "pwrite", _os, (errno.ENOSPC, errno.EFBIG)),
    "pread": (os, "pread", _os, (errno.EIO,)),
    "preadv": (os, "preadv", _os, (errno.EIO,)),
    "ftruncate": (os, "ftruncate", _os, (errno.ENOSPC, errno.EFBIG)),
    "seal": (memfd, "seal", _os, (errno.EBUSY,)),
    "dup2": (os, "dup2", _os, (errno.EBUSY,)),
    "open": (os, "open", _os, (errno.EMFILE, errno.ENFILE)),
    "setsid": (os, "setsid", _os, (errno.EPERM,)),
    "prctl": (libc, "prctl", _call, (errno.EINVAL,)),
    "landlock": (landlock, "restrict", _layer, (errno.E2BIG,)),
    "seccomp": (seccomp, "install", _layer, (errno.ENOMEM,)),
    "mmap": (libc, "mmap", _call, (errno.ENOMEM, errno.EAGAIN)),
    "madvise": (libc, "madvise", _call, (errno.ENOMEM, errno.EAGAIN)),
    "ioctl": (kvm, "_ioctl", _call, (errno.EINTR, errno.ENOMEM, errno.EFAULT)),
}
_NAMES = tuple(CALLS)
_PAGE = struct.Struct("<4I")  # which call (0: none), which n, errno, calls so far


class _Shared:
    def __init__(self, fd: int) -> None:
        self.memory = mmap.mmap(fd, mmap.PAGESIZE)

    def fields(self) -> tuple[int, ...]:
        return _PAGE.unpack_from(self.memory)

    def set(self, *fields: int) -> None:
        _PAGE.pack_into(self.memory, 0, *fields)


class Faults(_Shared):
    """``arm`` one call, ``disarm`` it: how often it was made meanwhile, in all processes."""

    def __init__(self) -> None:
        self._fd = memfd.create("faults")
        os.ftruncate(self._fd, mmap.PAGESIZE)
        super().__init__(self._fd)

    def arm(self, name: str, nth: int, code: int) -> None:
        self.set(_NAMES.index(name) + 1, nth, code, 0)

    def disarm(self) -> int:
        calls = self.fields()[3]
        self.set(0, 0, 0, 0)
        return calls

    def patch(self, monkeypatch: Any) -> None:
        """Servers that are started from now on are this module's."""
        real = subprocess.Popen
        here = str(Path(__file__).parent)
        begin = f"import sys; sys.path.insert(0, {here!r}); import faulty_server"

        def popen(command: list[str], **options: Any) -> Any:
            program, isolated, _, module, *words = command
            code = f"{begin}; faulty_server.main({module!r}, {self._fd})"
            options["pass_fds"] = (*options["pass_fds"], self._fd)
            return real([program, isolated, "-c", code, *words], **options)

        monkeypatch.setattr(fork_client.subprocess, "Popen", popen)


def main(module: str, fd: int) -> None:
    """Run a server with a counter before each call of the table."""
    shared = _Shared(fd)
    os.close(fd)
    for number, (kind, (where, name, raises, _)) in enumerate(CALLS.items(), 1):
        setattr(where, name, _counted(shared, number, kind, getattr(where, name), raises))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _counted(
    shared: _Shared, number: int, name: str, real: Callable[..., object], raises: Raises
) -> Callable[..., object]:
    def call(*args: object, **options: object) -> object:
        which, nth, code, calls = shared.fields()
        if which == number:
            shared.set(which, nth, code, calls + 1)
            if calls + 1 == nth:
                if name.endswith("without descriptors"):
                    with without_descriptors():
                        return real(*args, **options)
                raise raises(code)
        return real(*args, **options)

    return call


if __name__ == "__main__":
    sys.exit("it is started by a test")
