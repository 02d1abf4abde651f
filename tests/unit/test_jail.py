"""What a child gives up. Each is tried in a child of this process."""

import os
import resource
import signal
import traceback

import pytest

from hypercell.vmm import jail


def in_child(action):
    """Run in a fork after ``enter_server`` and ``enter_child``; the exit status."""
    parent = os.getpid()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            jail.enter_server(parent)
            jail.enter_child(parent, [write], jail.Rlimits(64, 1 << 20))
            status = action(write) or 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(write)
    os.close(read)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_only_named_descriptors_stay():
    def check(kept):
        open_now = {int(fd) for fd in os.listdir("/proc/self/fd")}
        return len(open_now - {0, 1, 2, kept}) > 2  # the listing itself, and statm

    assert in_child(check) == 0


def test_a_session_of_its_own_that_ignores_interrupts():
    def check(_):
        os.kill(os.getpid(), signal.SIGINT)
        return os.getsid(0) != os.getpid()

    assert in_child(check) == 0


def test_no_new_privileges_and_no_core():
    def check(_):
        with open("/proc/self/status") as file:
            text = file.read()
        return "NoNewPrivs:\t1" not in text or resource.getrlimit(resource.RLIMIT_CORE) != (0, 0)

    assert in_child(check) == 0


def test_the_first_to_go_when_memory_is_short():
    def check(_):
        with open("/proc/self/oom_score_adj") as file:
            return int(file.read()) < 500

    assert in_child(check) == 0


def test_files_are_bounded_and_then_forbidden():
    def check(_):
        fd = os.memfd_create("x")
        os.ftruncate(fd, 1 << 20)
        try:
            os.ftruncate(fd, (1 << 20) + 1)
        except OSError:
            jail.forbid_files()
            try:
                os.pwrite(os.memfd_create("y"), b"x", 0)
            except OSError:
                return 0
        return 1

    assert in_child(check) == 0


def test_memory_is_bounded_and_never_rises_again():
    def check(_):
        for size in (64 << 20, 1 << 40):
            jail.limit_memory(jail.mapped_now(), jail.Mapped(size, 1 << 40))
        try:
            bytearray(512 << 20)
        except MemoryError:
            return 0
        return 1

    assert in_child(check) == 0


def test_a_child_whose_parent_is_gone_ends():
    def check(_):
        return 0

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            jail.enter_child(1 << 22, [write], jail.Rlimits(64, 1 << 20))  # not our parent
            os._exit(check(write))
        finally:
            os._exit(2)
    os.close(read)
    os.close(write)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_child_dies_by_the_usual_signals(number):
    def check(_):
        os.kill(os.getpid(), number)
        return 1

    assert in_child(check) == -number
