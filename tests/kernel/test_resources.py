"""After 200 cells the kernel holds what it held before; without KVM it says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import refusals
from real_kernel import ADD, FOREVER, Client, printing, start

TRAP = '%%wat\n(module (func (export "_start") unreachable))'


def held(pid: int) -> dict[str, int]:
    """Descriptors, memory files and children of the kernel and of what it started."""
    found = {"descriptors": 0, "memory files": 0, "processes": 0}
    for process in [pid, *descendants(pid)]:
        found["processes"] += 1
        try:
            for entry in os.scandir(f"/proc/{process}/fd"):
                found["descriptors"] += 1
                found["memory files"] += "/memfd:" in os.readlink(entry.path)
        except (FileNotFoundError, PermissionError):
            continue  # it has ended, or is ending: then its files are root's
    return found


def descendants(pid: int) -> list[int]:
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def settled(pid: int) -> dict[str, int]:
    """``held`` once it stays the same for a while: VMs are parked in the background."""
    before, since = held(pid), time.monotonic()
    while time.monotonic() - since < 2:
        time.sleep(0.1)
        now = held(pid)
        if now != before:
            before, since = now, time.monotonic()
    return before


@pytest.fixture
def own(kernelspec: Path, tmp_path: Path) -> Iterator[Client]:
    """A kernel with a directory for temporary files of its own."""
    client = start(kernelspec, TMPDIR=str(tmp_path))
    yield client
    client.client.stop_channels()
    client.manager.shutdown_kernel(now=True)


def test_200_cells_leave_nothing_behind(own: Client, tmp_path: Path) -> None:
    pid = own.manager.provisioner.pid
    cells = [
        (f"%%wat --invoke add 2 3\n{ADD}", ""),
        (f"%%wat\n{printing('x')}", ""),
        (TRAP, "Trap"),
        ("%%file x\ntext", ""),
        ("%%wat\n(module", "BuildError"),
        ("%nothing", "UsageError"),
        (f"%%wat --fresh --invoke add 2 3\n{ADD}", ""),
        (f"%%wat --timeout 50ms\n{FOREVER}", "TimedOut"),
    ]
    for code, ename in cells * 2:
        assert own.run(code).error == ename
    before = settled(pid)
    for number in range(200):
        code, ename = cells[number % len(cells)]
        assert own.run(code).error == ename
    assert settled(pid) == before
    assert list(tmp_path.iterdir()) == []


def test_no_profile_in_the_users_home(kernelspec: Path, tmp_path: Path) -> None:
    """And none of IPython's configuration, which is Python, is run."""
    config = tmp_path / ".ipython" / "profile_default"
    config.mkdir(parents=True)
    for name in ("ipython_config.py", "ipython_kernel_config.py"):
        (config / name).write_text("raise SystemExit('run')")
    client = start(kernelspec, HOME=str(tmp_path))
    assert client.run(f"%%wat --invoke add 2 3\n{ADD}").error == ""
    client.client.stop_channels()
    client.manager.shutdown_kernel(now=True)
    assert len(list((tmp_path / ".ipython").rglob("*"))) == 3


def test_cells_run_where_kvm_does_not_tell_the_frequency_of_its_clock() -> None:
    script = """
from hypercell.kernel import SyncSession
from hypercell.kernel.config import Config
with SyncSession(Config()) as session:
    print(session.execute("%%wat --invoke f\\n(module (func (export \\"f\\")))").check().text)
"""
    done = _run(refusals.ioctl("_GET_TSC_KHZ", "EIO") + script)
    assert done.stdout == "f()  (no result)\n", done.stderr


def test_without_kvm_the_kernel_starts_and_every_cell_says_what_to_do() -> None:
    script = """
import asyncio
from hypercell.kernel import Session
from hypercell.kernel.config import Config
async def main():
    async with Session(Config()) as session:
        session.prepare()
        for _ in range(2):
            result = await session.execute("%%wat\\n(module)")
            print(type(result.error).__name__, "|", result.error.hint.replace("\\n", " "))
        print((await session.execute("%limits")).ok)
asyncio.run(main())
"""
    done = _run(refusals.ioctl("_GET_API_VERSION", "ENOTTY") + script)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    for line in lines[:2]:
        name, _, hint = line.partition(" | ")
        assert name == "KvmUnavailable"
        assert hint
    assert lines[2] == "True"


def _run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=550
    )
