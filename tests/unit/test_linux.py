"""System calls with and without Python's own functions for them."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hypercell.vmm import libc, linux, memfd


@pytest.fixture(params=["Python's own", "absent"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python with these functions, and one that was built without them."""
    if request.param == "absent":
        monkeypatch.delattr(os, "memfd_create", raising=False)
        monkeypatch.delattr(os, "pidfd_open", raising=False)
        monkeypatch.delattr(signal, "pidfd_send_signal", raising=False)


@pytest.mark.usefixtures("python")
def test_a_memory_file() -> None:
    fd = memfd.create("x")
    try:
        assert os.readlink(f"/proc/self/fd/{fd}").startswith("/memfd:hypercell-x")
        assert not os.get_inheritable(fd)
        memfd.write(fd, b"data")
        assert not memfd.is_sealed(fd)
        memfd.seal(fd)
        assert memfd.is_sealed(fd)
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"other", 0)
    finally:
        os.close(fd)


@pytest.mark.usefixtures("python")
def test_a_process_is_killed_by_its_descriptor() -> None:
    idle = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(idle) as process:
        pidfd = linux.pidfd_open(process.pid)
        try:
            linux.pidfd_kill(pidfd)
            assert process.wait() == -signal.SIGKILL
            with pytest.raises(ProcessLookupError):
                linux.pidfd_kill(pidfd)
        finally:
            os.close(pidfd)


@pytest.mark.usefixtures("python")
def test_no_such_process() -> None:
    with pytest.raises(ProcessLookupError):
        linux.pidfd_open(1 << 30)


@pytest.mark.parametrize("refused", [False, True])
def test_a_range_of_descriptors(monkeypatch: pytest.MonkeyPatch, refused: bool) -> None:
    if refused:  # as in a container whose filter does not know the call
        monkeypatch.setattr(libc, "syscall", lambda *_: -errno.ENOSYS)
    with open(os.devnull) as file:  # where no other descriptor is
        numbers = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 500) for _ in range(4)]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    linux.close_range(numbers[1], numbers[2])
    linux.close_range(numbers[1], numbers[0])
    there = [number for number in numbers if Path(f"/proc/self/fd/{number}").exists()]
    for number in there:
        os.close(number)
    assert there == [numbers[0], numbers[3]]
