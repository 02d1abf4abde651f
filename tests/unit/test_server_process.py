"""How a server process is started."""

from __future__ import annotations

import os
import site
import subprocess
from pathlib import Path

import pytest

from hypercell.vmm import server_process


@pytest.mark.parametrize("user", [False, True])
def test_it_finds_the_package_where_pip_put_it(monkeypatch: pytest.MonkeyPatch, user: bool) -> None:
    there = Path(server_process.__file__).resolve().parents[1]
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(there if user else there / "x"))
    flags = server_process._isolated()
    assert ("-I" in flags) is not user
    assert user is ({"-E", "-P"} <= {*flags}), "no environment, no working directory"


def test_a_process_that_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(subprocess, "Popen", fail)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(BlockingIOError):
        server_process.start("hypercell.vmm.zygote")
    assert os.listdir("/proc/self/fd") == before
