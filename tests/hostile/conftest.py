"""Fixtures for guests of raw machine code. Without KVM they are errors, not skips."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from harness import MEMORY, Attack, RawMachine

from hypercell.vmm import kvm


@pytest.fixture(scope="session")
def kvm_fd() -> int:
    return kvm.open_kvm()


@pytest.fixture
def attack(kvm_fd: int) -> Iterator[Attack]:
    """Boots raw code with ``attack(code)``; afterwards checks that it did no harm."""
    made: list[RawMachine] = []

    def boot(code: bytes, *, on_fault: bytes | None = None, memory: int = MEMORY) -> RawMachine:
        made.append(RawMachine(kvm_fd, code, on_fault, memory))
        return made[-1]

    yield boot
    for raw in made:
        raw.close()


@pytest.fixture
def ticking() -> Iterator[None]:
    """The worker's timer: a signal each 10 ms, so that KVM_RUN comes back."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
