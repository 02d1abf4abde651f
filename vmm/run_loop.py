"""The run loop: KVM_RUN, and an answer to each hypercall, until the guest waits or fails."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import Final, NoReturn, Protocol

from hypercell.vmm import abi, cpu_state
from hypercell.vmm.arenas import Arenas
from hypercell.vmm.errors import (
    GuestCrash,
    GuestPanic,
    ProtocolViolation,
    SystemCallFailed,
)
from hypercell.vmm.host_calls import hint
from hypercell.vmm.kvm import Vm
from hypercell.vmm.mailbox import Mailbox
from hypercell.vmm.ring import OutputRing

TICK: Final = 10_000_000  # nanoseconds; the worker's timer has the same period
_PANIC_MAX: Final = 0x2000


class Host(Protocol):
    """What the run loop asks of its owner while the guest runs. Any of these may raise: the run
    ends with that error, and the VM can only be closed.
    """

    def output(self, stream: int, data: bytes) -> None:
        """Take a piece of output. ``stream``: ``abi.STDOUT``, ``STDERR``, or ``STREAM_DISPLAY``."""

    def tick(self) -> None:
        """Called about every 10 ms while the guest runs, whatever it does."""

    def stdin(self, limit: int) -> bytes:
        """Return 1 to ``limit`` bytes of input, or none at its end. May block."""

    def sleep(self, nanoseconds: int) -> None:
        """Sleep, at most 10 ms at a time."""


class Deferred:
    """The guest wants a deferred file: it waits for a batch of file-system commands."""


class RunLoop:
    """Serves one VM. ``host`` is the only way out for output and time."""

    def __init__(self, vm: Vm, mailbox: Mailbox, ring: OutputRing, arenas: Arenas) -> None:
        self._vm = vm
        self._mailbox = mailbox
        self._ring = ring
        self._arenas = arenas
        self._next_tick = 0

    def run(self, host: Host) -> bytes | Deferred:
        """Run to the next ``HC_WAIT`` (its reply) or ``HC_DEFERRED``."""
        self._next_tick = time.monotonic_ns() + TICK
        while True:
            code = self._vm.run()
            if code:
                self._interrupted(code, host)
                continue
            if not self._vm.is_write_to_port(abi.HYPERCALL_PORT):
                self._forbidden("the guest left its VM by a forbidden exit")
            result = self._serve(host)
            if result is not None:
                return result
            if time.monotonic_ns() >= self._next_tick:
                self._tick(host)

    def _interrupted(self, code: int, host: Host) -> None:
        if code == errno.EINTR:
            self._tick(host)
        elif code == errno.EFAULT:
            self._forbidden("KVM_RUN failed: the guest touched memory that is not there")
        else:
            message = f"KVM_RUN failed: {os.strerror(code)}"
            raise SystemCallFailed("ioctl(KVM_RUN)", code, message, hint=hint(code))

    def _tick(self, host: Host) -> None:
        for stream, data in self._ring.drain(interrupted=True):
            host.output(stream, data)
        host.tick()
        self._next_tick = time.monotonic_ns() + TICK

    def _drain(self, host: Host) -> None:
        for stream, data in self._ring.drain():
            host.output(stream, data)

    def _forbidden(self, what: str) -> NoReturn:
        where = ""
        with contextlib.suppress(SystemCallFailed):
            where = f", rip {self._vm.registers().rip:#x}"
        raise ProtocolViolation(f"{what} ({self._vm.describe_exit()}{where})")

    def _serve(self, host: Host) -> bytes | Deferred | None:
        op, args = self._mailbox.read_call()
        if op == abi.HC_GROW:
            self._mailbox.answer(0 if self._arenas.grow(args[0], args[1], args[2]) else 1)
        elif op == abi.HC_WAIT:
            self._drain(host)
            return self._mailbox.read_reply(self._length(args[0]))
        elif op == abi.HC_FLUSH:
            self._drain(host)
        elif op == abi.HC_STDIN:
            self._drain(host)
            limit = min(args[0], abi.STDIN_AREA_SIZE)
            self._mailbox.write_stdin(host.stdin(limit)[:limit] if limit else b"")
        elif op == abi.HC_SLEEP:
            self._drain(host)
            self._sleep(args[0], host)
        elif op == abi.HC_DEFERRED:
            self._drain(host)
            return Deferred()
        elif op == abi.HC_FAULT:
            self._last_output(host)
            raise _crash(args)
        elif op == abi.HC_PANIC:
            self._last_output(host)
            length = min(self._length(args[0]), _PANIC_MAX)
            text = self._mailbox.read_reply(length).decode("utf-8", "replace")
            raise GuestPanic(f"the guest image panicked: {text}")
        else:
            self._forbidden(f"the guest made the unknown hypercall {op:#x}")
        return None

    def _length(self, value: int) -> int:
        if value > abi.REPLY_AREA_SIZE:
            self._forbidden(f"the guest claims a reply of {value:#x} bytes")
        return value

    def _last_output(self, host: Host) -> None:
        with contextlib.suppress(ProtocolViolation):  # the crash itself is the news
            self._drain(host)

    def _sleep(self, nanoseconds: int, host: Host) -> None:
        end = time.monotonic_ns() + nanoseconds
        while (left := end - time.monotonic_ns()) > 0:
            host.sleep(min(left, TICK))
            if time.monotonic_ns() >= self._next_tick:
                self._tick(host)


def _crash(args: tuple[int, ...]) -> GuestCrash:
    vector, error, rip, address, rsp, rbp = args
    name = cpu_state.VECTOR_NAMES.get(vector, "unknown exception")
    text = f"the guest crashed: {name} (vector {vector}, error {error:#x}) at rip {rip:#x}"
    if vector == cpu_state.PAGE_FAULT:
        text += f", address {address:#x}"
    text += f", rsp {rsp:#x}, rbp {rbp:#x}"
    return GuestCrash(text, vector=vector, error=error, rip=rip, address=address)
