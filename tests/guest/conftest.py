"""Fixtures for the guest image in a VM. Without KVM they are errors, not skips."""

import signal
from collections.abc import Callable, Iterator

import pytest
from guest_vm import GuestVm
from session_runtime import Runtime

from hypercell.vmm import kvm


@pytest.fixture(scope="session")
def kvm_fd() -> int:
    return kvm.open_kvm()


@pytest.fixture
def runtime(kvm_fd: int) -> Iterator[Runtime]:
    """A raw guest's runtime; its VMs and snapshots are closed after the test."""
    made = Runtime(kvm_fd)
    yield made
    for item in reversed(made.all):
        item.close()


@pytest.fixture
def ticking() -> Iterator[None]:
    """A timer that ends runs, as a worker has it."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def new_vm(kvm_fd: int, ticking: None) -> Iterator[Callable[..., GuestVm]]:
    """Makes VMs (``memory=``, ``parent=``), closed after the test."""
    made: list[GuestVm] = []

    def make(**options: object) -> GuestVm:
        made.append(GuestVm(kvm_fd, **options))
        return made[-1]

    yield make
    for vm in reversed(made):
        vm.close()


@pytest.fixture
def vm(new_vm: Callable[..., GuestVm]) -> GuestVm:
    return new_vm()
