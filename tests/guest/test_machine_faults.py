"""Every KVM and memory call of a machine's life may fail: a typed error, and nothing stays."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

import huge_runs
import pytest
import rawguest
from harness import MEMORY, RecordingHost
from session_runtime import runs_of

from hypercell.vmm import delta, kvm, libc
from hypercell.vmm.errors import HypercellError, KvmUnavailable, SystemCallFailed
from hypercell.vmm.image import GuestImage
from hypercell.vmm.machine import Machine
from hypercell.vmm.session_memory import SessionMemory
from hypercell.vmm.snapshot import Snapshot

WRITE = rawguest.store(rawguest.DATA, 5)
IMAGE = rawguest.raw_elf(WRITE + rawguest.wait() + WRITE + rawguest.wait())


def resources() -> tuple[int, int]:
    """Open descriptors, and mappings that are ours."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    return len(os.listdir("/proc/self/fd")), sum("kvm" in m or "---p" in m for m in maps)


def life(fd: int) -> None:
    """Boot, wait, snapshot, fork, run, refresh, a session of two cells, close."""
    host = RecordingHost()
    machine = Machine.boot(fd, GuestImage(IMAGE), limits_memory=MEMORY)
    try:
        machine.start(host)
        snapshot = machine.snapshot()
        try:
            runs = huge_runs.of(snapshot, "part")
            fork = Machine.fork(fd, snapshot, limits_memory=MEMORY, huge=runs)
            try:
                fork.run(b"", host)
                fork.refresh()
            finally:
                fork.close()
            session(fd, snapshot)
        finally:
            snapshot.close()
    finally:
        machine.close()


def session(fd: int, snapshot: Snapshot) -> None:
    """Two cells, the second with a memory file."""
    host = RecordingHost()
    with contextlib.ExitStack() as held:
        first = Machine.fork(fd, snapshot, limits_memory=MEMORY)
        held.callback(first.close)
        first.run(b"", host)
        state, piece, runs = first.changes(full=False)
        held.callback(os.close, piece)
        index = delta.pack_index(delta.stretches(runs_of(runs), 0))
        second = Machine.fork(fd, snapshot, limits_memory=MEMORY)
        held.callback(second.close)
        memory = SessionMemory()
        second.expect_session()
        second.adopt(state, index, [os.dup(piece)], [], memory.fd, snapshot.state.extents)
        os.close(second.changes(full=False)[1])


class FailAt:
    """Lets the nth call fail, and counts the calls."""

    def __init__(self, real: Callable[..., object], nth: int) -> None:
        self._real = real
        self._nth = nth
        self.calls = 0

    def __call__(self, *args: object, **options: object) -> object:
        self.calls += 1
        if self.calls == self._nth:
            raise SystemCallFailed("injected", errno.ENOMEM, "injected")
        return self._real(*args, **options)


@pytest.mark.parametrize(("module", "name"), [(kvm, "_ioctl"), (libc, "mmap"), (libc, "read_into")])
def test_any_call_may_fail(
    kvm_fd: int, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    life(kvm_fd)
    real = getattr(module, name)
    counter = FailAt(real, 0)
    monkeypatch.setattr(module, name, counter)
    life(kvm_fd)
    assert counter.calls > 0
    before = resources()
    for nth in range(1, counter.calls + 1):
        monkeypatch.setattr(module, name, FailAt(real, nth))
        with contextlib.suppress(HypercellError):  # some failures have another way
            life(kvm_fd)
        assert resources() == before, nth
    monkeypatch.setattr(module, name, real)
    life(kvm_fd)


def test_a_hundred_lives_leave_nothing(kvm_fd: int) -> None:
    life(kvm_fd)
    before = resources()
    for _ in range(100):
        life(kvm_fd)
    assert resources() == before


def test_no_kvm_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KvmUnavailable) as caught:
        kvm.open_kvm(str(tmp_path / "kvm"))
    assert caught.value.hint
    with Path(os.devnull).open("rb") as device, pytest.raises(KvmUnavailable):
        kvm.features(device.fileno())
