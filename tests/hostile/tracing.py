"""``python tracing.py OUT COMMAND…``: every system call of our servers and their children.

With ptrace, as strace does it. OUT becomes JSON: [server, is a child, filters installed, number,
six arguments' low halves] for each kind of call. Runs as a process of its own: it waits for any
child.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import struct
import sys
from pathlib import Path

_TRACEME, _SYSCALL, _SETOPTIONS, _GETEVENTMSG, _GET_SYSCALL_INFO = 0, 24, 0x4200, 0x4201, 0x420E
_OPTIONS = 1 | 2 | 4 | 8 | 0x10_0000  # sysgood, fork, vfork, clone, exitkill
_WALL = 0x4000_0000
_SYSCALL_STOP = signal.SIGTRAP | 0x80
_ENTRY, _EXIT = 1, 2
_SECCOMP, _SET_MODE_FILTER = 317, 1
_VARIES = {9, 10, 13, 16, 56, 72, 234, 302, 317, 319}  # calls whose arguments filters look at
_SERVERS = ("zygote", "compiler")

_libc = ctypes.CDLL(None, use_errno=True)


def _ptrace(request: int, pid: int, address: int = 0, data: object = 0) -> int:
    _libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    result: int = _libc.ptrace(request, pid, address, data)
    return result


class Process:
    """A traced process. ``server``: which one it is, or is a child of; "" for neither."""

    def __init__(self, parent: Process | None) -> None:
        self.server = parent.server if parent is not None else ""
        self.child = bool(self.server)
        self.filters = 0
        self.installing = False


class Tracer:
    """Follows a command and all that it starts."""

    def __init__(self) -> None:
        self.calls: set[tuple[object, ...]] = set()
        self._processes: dict[int, Process] = {}
        self._groups: dict[int, int] = {}  # thread -> process

    def run(self, command: list[str]) -> int:
        """Run it to its end; its exit code."""
        first = os.fork()
        if first == 0:
            _ptrace(_TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execv(command[0], command)  # noqa: S606 - given by the test
        os.waitpid(first, _WALL)
        _ptrace(_SETOPTIONS, first, 0, _OPTIONS)
        self._processes[first], self._groups[first] = Process(None), first
        _ptrace(_SYSCALL, first)
        code = 70
        while True:
            try:
                pid, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                return code
            if not os.WIFSTOPPED(status):
                if pid == first:
                    code = os.waitstatus_to_exitcode(status)
                continue
            _ptrace(_SYSCALL, pid, 0, self._stopped(pid, status))

    def _stopped(self, pid: int, status: int) -> int:
        """Take a stop; the signal that the process shall get."""
        number, event = os.WSTOPSIG(status), status >> 16
        if event:
            message = ctypes.c_ulong()
            _ptrace(_GETEVENTMSG, pid, 0, ctypes.addressof(message))
            self._new(message.value, self._groups.get(pid, pid))
            return 0
        if number == _SYSCALL_STOP:
            self._call(pid)
            return 0
        if number in (signal.SIGSTOP, signal.SIGTRAP):  # how a new one begins
            return 0
        return number

    def _new(self, pid: int, parent: int) -> None:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return
        group = int(status.split("Tgid:")[1].split()[0])
        self._groups[pid] = group
        if group not in self._processes:
            self._processes[group] = Process(self._processes.get(parent))

    def _call(self, pid: int) -> None:
        info = ctypes.create_string_buffer(88)
        if _ptrace(_GET_SYSCALL_INFO, pid, 88, ctypes.addressof(info)) <= 0:
            return
        process = self._processes.get(self._groups.get(pid, pid))
        if process is None:
            return
        if info.raw[0] == _ENTRY:
            number, *arguments = struct.unpack_from("<7Q", info.raw, 24)
            self._entry(pid, process, number, [a & 0xFFFF_FFFF for a in arguments])
        elif info.raw[0] == _EXIT and process.installing:
            process.installing = False
            process.filters += struct.unpack_from("<q", info.raw, 24)[0] == 0

    def _entry(self, pid: int, process: Process, number: int, arguments: list[int]) -> None:
        if number == _SECCOMP and arguments[0] == _SET_MODE_FILTER:
            process.installing = True
            if not process.server:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                names = [name for name in _SERVERS if f"hypercell.vmm.{name}".encode() in words]
                process.server = names[0] if names else ""
        if process.server and (process.child or process.filters):
            if number == 234:  # tgkill: whether it is its own
                arguments[0] = int(arguments[0] == self._groups.get(pid, pid))
            seen = tuple(arguments) if number in _VARIES else ()
            self.calls.add((process.server, process.child, process.filters, number, seen))


if __name__ == "__main__":
    tracer = Tracer()
    status = tracer.run(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(sorted(tracer.calls, key=str)))
    sys.exit(status)
