"""What the zygote rehearses is done in its jail, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hypercell.vmm import kvm, rehearsal

_IN_JAIL = """
import os
from hypercell.vmm import filters, jail, kvm, rehearsal
device = kvm.open_kvm()
rehearsal.virtual_machine(device)
jail.enter_server(os.getppid())
jail.Jail(filters.ZYGOTE)
print(sum(1 for _ in rehearsal.lives(device)))
"""


def test_all_lives_are_led_in_the_jail() -> None:
    done = subprocess.run([sys.executable, "-c", _IN_JAIL], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == (f"{rehearsal._LIVES}\n", 0), done.stderr


def test_a_life_leaves_no_descriptor() -> None:
    device = kvm.open_kvm()
    try:
        before = len(os.listdir("/proc/self/fd"))
        assert sum(1 for _ in rehearsal.lives(device)) == rehearsal._LIVES
        assert len(os.listdir("/proc/self/fd")) == before
    finally:
        os.close(device)


def test_a_life_that_fails_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(rehearsal, "_live", refuse)
    assert not list(rehearsal.lives(-1))
