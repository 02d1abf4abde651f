"""A VM runs for a user who is not root, under the limits of a worker."""

from __future__ import annotations

import errno
import os
import resource
import signal
import traceback
from collections.abc import Callable

import pytest
from guest_vm import RecordingHost

from hypercell.vmm import jail, zygote
from hypercell.vmm.errors import SystemCallFailed
from hypercell.vmm.image import GuestImage
from hypercell.vmm.image_path import read_image
from hypercell.vmm.machine import Machine
from hypercell.vmm.program import MIB

_NOBODY = 54321  # no user of this machine, whose processes would count
_SECONDS = 300


def as_normal_user(work: Callable[[], object]) -> int:
    """Do it in a process that is not root's; its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(_SECONDS)  # if it hangs
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(_NOBODY, _NOBODY, _NOBODY)
                os.setresuid(_NOBODY, _NOBODY, _NOBODY)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def boot(kvm_fd: int, image: GuestImage) -> None:
    machine = Machine.boot(kvm_fd, image, limits_memory=64 * MIB)
    machine.start(RecordingHost())


@pytest.fixture(name="image", scope="module")
def image_fixture() -> GuestImage:
    return GuestImage(read_image())


def test_the_limits_of_a_worker_let_a_vm_run(kvm_fd: int, image: GuestImage) -> None:
    def work() -> None:
        jail.set_limits(zygote.LIMITS)
        boot(kvm_fd, image)

    assert as_normal_user(work) == 0


def test_a_user_with_too_many_processes_is_told_so(kvm_fd: int, image: GuestImage) -> None:
    """Or the VM runs all the same: older kernels make no thread, and root may have any number."""

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        try:
            boot(kvm_fd, image)
        except SystemCallFailed as error:
            if error.errno != errno.EAGAIN or "ulimit -u" not in error.hint:
                raise

    assert as_normal_user(work) == 0
