"""Generated sequences of WASI calls: our guest and Wasmtime's own WASI must do the same."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from differential.generate import ALL, PRELUDE, READ_ONLY, RIGHTS, SEQUENCE
from differential.run import Tally, compare
from differential.steps import Slot, Step
from differential.tolerated import TOLERATED
from differential.worlds import Ours, Theirs, parent_vm
from guest_vm import GuestVm
from hypothesis import HealthCheck, Phase, example, given, seed, settings

from hypercell.vmm import kvm

SECONDS = float(os.environ.get("HYPERCELL_FUZZ_SECONDS", "0"))  # 0: a short run, always the same
IN_MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # sync takes its time on a disk
SHORT = 600  # sequences
ROUND = 500  # sequences before a long run looks at the time
TOLERATED_COUNT = 29  # the list can only grow here, where a reviewer sees it

# What differed once.
FOUND = (
    [
        Step("path_open", (Slot(0), 0, b"b", 1, READ_ONLY, READ_ONLY, 0)),
        Step("fd_filestat_set_size", (Slot(5), 0)),
    ],
    [
        Step("path_open", (Slot(0), 0, b"b", 1, READ_ONLY, READ_ONLY, 0)),
        Step("fd_write", (Slot(5), b"x")),
    ],
    [Step("fd_pread", (Slot(2), 1, 1 << 63))],
    [
        Step("fd_pwrite", (Slot(2), b"x", (1 << 64) - 1)),
        Step("fd_filestat_set_size", (Slot(2), 1 << 63)),
    ],
    [
        Step("fd_advise", (Slot(3), 34, (1 << 64) - 1, 0)),
        Step("fd_advise", (Slot(3), 1 << 63, 1, 0)),
    ],
    [
        Step("path_remove_directory", (Slot(0), b"//")),
        Step("path_create_directory", (Slot(0), b"/")),
    ],
    [Step("path_create_directory", (Slot(1), b"l/"))],
    [Step("path_symlink", (b"b", Slot(0), b"c")), Step("path_create_directory", (Slot(0), b"c/"))],
    [Step("path_rename", (Slot(0), b"./a", Slot(0), b"a//"))],
    [
        Step("fd_write", (Slot(3), b"end")),
        Step("fd_renumber", (Slot(2), Slot(3))),
        Step("walk", (Slot(0), 280)),
    ],
    [
        Step("path_filestat_get", (Slot(0), 0, b"l/")),
        Step("path_filestat_get", (Slot(0), 0, b"l/.")),
    ],
    [Step("path_filestat_get", (Slot(0), 0, b"a/."))],
    [Step("path_remove_directory", (Slot(0), b"l/"))],
    [Step("path_open", (Slot(0), 1, b"a//", 13, RIGHTS[3], RIGHTS[2], 0))],
    [Step("fd_pwrite", (Slot(4), b"x", (1 << 64) - 1))],
    [
        Step("path_open", (Slot(0), 1, b"c", 13, RIGHTS[3], ALL, 0)),
        Step("fd_read", (Slot(5), 26)),
    ],
)


@pytest.fixture(scope="module", name="fork")
def fork_fixture() -> Iterator[tuple[int, GuestVm]]:
    """The KVM descriptor, and the VM from which each sequence forks. A timer ends endless ones."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    kvm_fd = kvm.open_kvm()
    parent = parent_vm(kvm_fd)
    yield kvm_fd, parent
    parent.close()
    os.close(kvm_fd)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def _one(steps: list[Step], fork: tuple[int, GuestVm], tally: Tally) -> None:
    with tempfile.TemporaryDirectory(prefix="hypercell-wasi-", dir=IN_MEMORY) as directory:
        ours = Ours(*fork)
        try:
            compare(steps, ours, Theirs(Path(directory)), tally)
        finally:
            ours.close()


def _many(fork: tuple[int, GuestVm], tally: Tally, number: int, count: int) -> None:
    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(SEQUENCE)
    def run(steps: list[Step]) -> None:
        _one(steps, fork, tally)

    for found in FOUND:
        run = example([*PRELUDE, *found])(run)
    run()


def test_sequences_do_the_same_in_both_worlds(
    fork: tuple[int, GuestVm], record_property: pytest.RecordProperty
) -> None:
    tally, until, number = Tally(), time.monotonic() + SECONDS, 1
    _many(fork, tally, number, SHORT)
    while time.monotonic() < until:
        number += 1
        _many(fork, tally, number if SECONDS else 1, ROUND)
    print(f"\n{tally.sequences} sequences, {tally.calls} calls, {tally.ended_early} ended early")
    print("\n".join(f"{count:8} {name}" for name, count in tally.tolerated.most_common()))
    record_property("calls", tally.calls)
    assert tally.sequences >= SHORT
    assert tally.calls > 10 * tally.sequences, "sequences end too early to say much"
    assert tally.ended_early < tally.sequences / 2


def test_the_list_of_tolerated_differences_does_not_grow_unseen() -> None:
    assert len(TOLERATED) == TOLERATED_COUNT
    assert len({one.name for one in TOLERATED}) == len(TOLERATED)
    assert all(one.reason for one in TOLERATED)
