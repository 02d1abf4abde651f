"""Runs a raw guest against a recording host, with canaries around its memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import pytest
import rawguest
from aftermath import Aftermath

from hypercell.vmm import abi, libc
from hypercell.vmm.errors import GuestCrash, HypercellError, TimedOut
from hypercell.vmm.image import GuestImage
from hypercell.vmm.machine import Machine, State
from hypercell.vmm.run_loop import Deferred

MEMORY = 64 << 20
Failure = TypeVar("Failure", bound=HypercellError)
_CANARY = bytes(range(1, 256)) * 17


class RecordingHost:
    """A host that keeps what it is told, and gives up after ``patience`` ticks."""

    def __init__(self, patience: int = 500, error: type[HypercellError] = TimedOut) -> None:
        self.written: list[tuple[int, bytes]] = []
        self.ticks = 0
        self.input = b""
        self._patience = patience
        self._error = error

    def output(self, stream: int, data: bytes) -> None:
        self.written.append((stream, data))

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks > self._patience:
            raise self._error("the test's patience is over")

    def stdin(self, limit: int) -> bytes:
        piece, self.input = self.input[:limit], self.input[limit:]
        return piece

    def sleep(self, nanoseconds: int) -> None:
        time.sleep(nanoseconds / 1e9)


class Canaries:
    """Pages with a pattern right before and after each region of a machine's memory."""

    def __init__(self, machine: Machine) -> None:
        low = machine._memory.low.address
        pool = machine._memory.pool[0]
        self._places = [
            low - abi.PAGE,
            low + abi.TABLES_BASE + abi.TABLES_SIZE,
            low + abi.SHARED_BASE - abi.PAGE,
            low + abi.SHARED_BASE + abi.SHARED_SIZE,
            pool.address - abi.PAGE,
            pool.address + pool.size,
        ]
        flags = libc.MAP_PRIVATE | libc.MAP_ANONYMOUS | libc.MAP_FIXED
        for place in self._places:
            libc.mmap(place, abi.PAGE, libc.PROT_READ | libc.PROT_WRITE, flags)
            libc.view(place, abi.PAGE)[:] = _CANARY[: abi.PAGE]

    def check(self) -> None:
        for place in self._places:
            assert bytes(libc.view(place, abi.PAGE)) == _CANARY[: abi.PAGE]


class RawMachine:
    """A booted raw guest. At the end its canaries must be whole, and a further VM must work."""

    def __init__(
        self,
        kvm_fd: int,
        code: bytes,
        on_fault: bytes | None,
        memory: int,
        aftermath: Aftermath,
    ) -> None:
        self._kvm = kvm_fd
        self._aftermath = aftermath
        image = GuestImage(rawguest.raw_elf(code, on_fault=on_fault))
        self.machine = Machine.boot(kvm_fd, image, limits_memory=memory)
        self.host = RecordingHost()
        self._canaries = Canaries(self.machine)

    def start(self) -> bytes | Deferred:
        return self._judged(lambda: self.machine.start(self.host))

    def run(self, batch: bytes = b"") -> bytes | Deferred:
        return self._judged(lambda: self.machine.run(batch, self.host))

    def _judged(self, work: Callable[[], bytes | Deferred]) -> bytes | Deferred:
        """Tell the aftermath how it ended and what came out."""
        try:
            reply = work()
        except HypercellError as error:
            self._aftermath.ended(error)
            raise
        finally:
            self._aftermath.saw(*(piece for _, piece in self.host.written))
        self._aftermath.ended(None)
        if isinstance(reply, bytes):
            self._aftermath.saw(reply)
        return reply

    def patience(self, ticks: int) -> None:
        """Let the host give up after so many ticks."""
        self.host = RecordingHost(patience=ticks)

    def fails(
        self, error: type[Failure], match: str | None = None, *, start: bool = True
    ) -> Failure:
        """The guest must end with this error; afterwards nothing but close() is left."""
        with pytest.raises(error, match=match) as caught:
            (self.start if start else self.run)()
        assert self.machine.state is State.BROKEN
        return caught.value

    def vector_or_wait(self) -> int | None:
        """Run to the first wait point: None, or the vector of the crash before it."""
        try:
            self.start()
        except GuestCrash as crash:
            return crash.vector
        return None

    def close(self) -> None:
        if self.machine.state is not State.CLOSED:
            self._canaries.check()
        self.machine.close()
        healthy = GuestImage(
            rawguest.raw_elf(rawguest.store(rawguest.REPLY, 42) + rawguest.wait(8))
        )
        with_next = Machine.boot(self._kvm, healthy, limits_memory=MEMORY)
        assert with_next.start(RecordingHost()) == (42).to_bytes(8, "little")
        with_next.close()


Attack = Callable[..., RawMachine]
