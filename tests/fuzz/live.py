"""VMs of this process for targets: a host of little patience, and what must hold at the end."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time
from collections.abc import Callable, Iterator

from harness import Canaries

from hypercell.vmm import abi, kvm
from hypercell.vmm.errors import HypercellError, TimedOut
from hypercell.vmm.machine import Machine, State

MEMORY = 16 << 20  # bytes of all arenas
_TICKS = 2
_SLEEP = 5_000_000  # nanoseconds
_OUTPUT = 8 << 20
_STREAMS = (abi.STDOUT, abi.STDERR, abi.STREAM_DISPLAY)


class Host:
    """``meddle`` is called whenever the host could be in the middle of something."""

    def __init__(self, meddle: Callable[[], None] = lambda: None) -> None:
        self._meddle = meddle
        self._ticks = 0
        self._slept = 0
        self._written = 0

    def output(self, stream: int, data: bytes) -> None:
        assert stream in _STREAMS
        assert 0 < len(data) <= abi.RECORD_MAX
        self._written += len(data)
        if self._written > _OUTPUT:
            raise TimedOut("enough output")
        self._meddle()

    def tick(self) -> None:
        self._ticks += 1
        if self._ticks > _TICKS:
            raise TimedOut("the target's patience is over")
        self._meddle()

    def stdin(self, limit: int) -> bytes:
        assert 0 < limit <= abi.STDIN_AREA_SIZE
        self._meddle()
        return b"input" * 20

    def sleep(self, nanoseconds: int) -> None:
        assert 0 < nanoseconds <= 10_000_000
        self._slept += nanoseconds
        if self._slept > _SLEEP:
            raise TimedOut("enough sleep")
        time.sleep(nanoseconds / 1e9)
        self._meddle()


@functools.cache
def kvm_fd() -> int:
    """``/dev/kvm``."""
    return kvm.open_kvm()


@contextlib.contextmanager
def judged(machine: Machine) -> Iterator[None]:
    """Run a machine in this block and close it: canaries, books and descriptors must be right.

    Each 10 ms of processor time KVM_RUN ends: libFuzzer has the other timer.
    """
    canaries, descriptors = Canaries(machine), len(os.listdir("/proc/self/fd"))
    before = signal.signal(signal.SIGPROF, lambda *_: None)
    signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
    try:
        yield
    except HypercellError:
        assert machine.state is State.BROKEN
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        canaries.check()
        assert machine.committed <= max(MEMORY, machine.limits_memory)
        machine.close()
        assert len(os.listdir("/proc/self/fd")) < descriptors, "its descriptors are closed"
