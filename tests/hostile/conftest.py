"""Fixtures of attacks: each is followed by the same checks. Without KVM they are errors, not skips.

A file of an attack names the layers that may stop it: ``STOPPED_BY``.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from aftermath import PLANTED, Aftermath
from cells import Cells
from harness import MEMORY, Attack, RawMachine

from hypercell.kernel.config import Config
from hypercell.kernel.sync_session import SyncSession
from hypercell.vmm import kvm


@pytest.fixture(scope="session")
def kvm_fd() -> int:
    return kvm.open_kvm()


@pytest.fixture(scope="session", autouse=True)
def own_temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A directory that nobody else on this machine writes to."""
    with pytest.MonkeyPatch.context() as patch:
        directory = str(tmp_path_factory.mktemp("temporary"))
        patch.setenv("TMPDIR", directory)
        patch.setattr(tempfile, "tempdir", directory)
        yield


@pytest.fixture
def aftermath(request: pytest.FixtureRequest, tmp_path: Path) -> Aftermath:
    """Counts from here on, and is told what the attack did. ``attack`` and ``cell`` check it."""
    return Aftermath(request.module.STOPPED_BY, tmp_path)


@pytest.fixture
def attack(kvm_fd: int, aftermath: Aftermath) -> Iterator[Attack]:
    """Boots raw code with ``attack(code)``; afterwards checks that it did no harm."""
    made: list[RawMachine] = []

    def boot(code: bytes, *, on_fault: bytes | None = None, memory: int = MEMORY) -> RawMachine:
        made.append(RawMachine(kvm_fd, code, on_fault, memory, aftermath))
        return made[-1]

    yield boot
    for raw in made:
        raw.close()
    aftermath.check_layers()
    aftermath.check_output()
    aftermath.check_held()


@pytest.fixture(scope="session")
def attacked_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncSession]:
    """One session for all attacks: what one leaves, the next would show."""
    os.environ["HYPERCELL_TEST_SECRET"] = PLANTED
    with SyncSession(Config()) as session:
        yield session
    del os.environ["HYPERCELL_TEST_SECRET"]


@pytest.fixture
def cell(attacked_session: SyncSession, aftermath: Aftermath) -> Iterator[Cells]:
    """Runs a cell with ``cell(text)``; afterwards the session must be as it was."""
    cells = Cells(attacked_session)
    cells.aftermath = aftermath
    cells.begin()
    yield cells
    cells.finish()
    aftermath.check_layers()
    aftermath.check_output()
    aftermath.check_held()


@pytest.fixture
def ticking() -> Iterator[None]:
    """The worker's timer: a signal each 10 ms, so that KVM_RUN comes back."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
