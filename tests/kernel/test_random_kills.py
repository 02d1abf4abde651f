"""SIGKILL for any process of ours at any moment: whatever else it takes down ends, nothing is left,
the caches are sound, and the session is where the last cell that ended well left it.

The seed is printed; HYPERCELL_SEED repeats a run, HYPERCELL_KILLS=1000 makes a long one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from kept_cells import Cells
from nth_call import held
from python_session import hypervisor_fixture  # noqa: F401 (a fixture)

from hypercell.kernel.config import Config
from hypercell.kernel.languages.clang.tools import Tools
from hypercell.kernel.session import Session
from hypercell.kernel.sync_session import SyncSession
from hypercell.kernel.toolchains.store import ToolchainStore
from hypercell.vmm import Hypervisor
from hypercell.vmm.cache import ENVIRONMENT, LAYOUT, Cache, default_root

SEED = int(os.environ.get("HYPERCELL_SEED") or random.randrange(1 << 30))  # noqa: S311
KILLS = int(os.environ.get("HYPERCELL_KILLS", "20"))
ROLES = ("workers", "worker", "zygote", "compiler", "compiles")
WAT = '%%wat --invoke f\n(module (func (export "f") (result i32) i32.const {0}))'
C = '%%c\n#include <stdio.h>\nint main(void) {{ printf("<%d>", {0}); }}'
_LONGEST = 0.4  # seconds from a cell's start to the kill
_SECONDS = 240


class Killer:
    """Kills one role after a random time, most of them short."""

    def __init__(self, hypervisor: Hypervisor, chance: random.Random) -> None:
        self.victims: Counter[str] = Counter()
        self._hypervisor = hypervisor
        self._chance = chance

    async def kill(self) -> None:
        await asyncio.sleep(_LONGEST * self._chance.random() ** 3)
        role = self._chance.choice(ROLES)
        found = list(self._hypervisor.processes().get("workers" if role == "worker" else role, []))
        if role == "worker":
            found = found[-1:]
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.victims[role] += 1


async def settled(session: Session, number: int) -> Counter[str]:
    """What is held after %reset and a new program, once everything waits."""
    for text in ("%reset", WAT.format(number)):
        assert (await session.execute(text)).error is None
    hypervisor = await session.hypervisor()
    before: Counter[str] = Counter()
    while True:
        await session.settled()
        await Tools.of(hypervisor).prepared()
        await hypervisor.filled()
        await asyncio.sleep(0.1)
        now = held()
        if now == before and len(hypervisor.processes()["compiles"]) == 1:
            return now
        before = now


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(600 + KILLS * 10)
async def test_a_session_lives_on(hypervisor: Hypervisor) -> None:
    print(f"HYPERCELL_SEED={SEED}")
    chance = random.Random(SEED)  # noqa: S311
    numbers = itertools.count(time.time_ns() >> 16 & 0x3FFF_FFFF)  # programs that no cache has
    killer = Killer(hypervisor, chance)
    async with Session(Config(language="python"), hypervisor=hypervisor) as session:
        cells = Cells(session)
        for _ in range(3):
            for text in (WAT, C):
                assert await cells.run(text.format(number := next(numbers)), str(number))
            await cells.append(next(numbers))
        before = await settled(session, next(numbers))
        cells.kept = None
        for _ in range(KILLS):
            async with asyncio.timeout(_SECONDS):
                killing = asyncio.create_task(killer.kill())
                kind = chance.choice(("python", "python", WAT, C))
                if kind == "python":
                    await cells.append(next(numbers))
                else:
                    await cells.run(kind.format(number := next(numbers)), str(number))
                await killing
                for _ in range(3):  # a worker's death may not be known yet
                    if await cells.look():
                        break
                else:
                    pytest.fail(f"three cells in a row failed: {cells.ends}")
        print(Counter(cells.ends), killer.victims)
        end = asyncio.get_running_loop().time() + _SECONDS
        while leaked := await settled(session, next(numbers)) - before:
            assert asyncio.get_running_loop().time() < end, leaked


def _cache(place: Path) -> Path:
    """A cache with the machine code of the toolchains, which would take minutes to make."""
    directory = place / LAYOUT
    directory.mkdir(mode=0o700, parents=True)
    entry = f"code-{ToolchainStore().manifest('python').code}"
    (directory / entry).write_bytes((default_root() / LAYOUT / entry).read_bytes())
    return directory


def _sound(directory: Path) -> None:
    """Every entry is whole; what is half-written has a name that nobody reads."""
    cache = Cache(directory.parent)
    for entry in directory.iterdir():
        if entry.name.startswith("tmp-") or entry.name == "lock":
            continue
        room, _, key = entry.name.rpartition("-")
        found = cache.open(room, key)
        assert found is not None, entry
        os.close(found.fd)
    cache.close()


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.timeout(600 + KILLS * 4)
def test_a_kernel_takes_all_with_it_and_leaves_its_cache_sound(tmp_path: Path) -> None:
    print(f"HYPERCELL_SEED={SEED}")
    chance = random.Random(SEED)  # noqa: S311
    directory = _cache(tmp_path / "cache")
    (tmp_path / "tmp").mkdir()
    places = {ENVIRONMENT: str(directory.parent), "TMPDIR": str(tmp_path / "tmp")}
    script = Path(__file__).with_name("killed_kernel.py")
    for number in range(max(KILLS // 6, 3)):
        command = [sys.executable, str(script)]
        kernel = subprocess.Popen(command, env={**os.environ, **places}, stdout=subprocess.PIPE)
        assert kernel.stdout is not None
        if number % 3:  # else it may be killed while it starts
            assert kernel.stdout.readline() == b"up\n"
        time.sleep(3 * chance.random() ** 3)
        os.kill(kernel.pid, signal.SIGSTOP)  # so that it starts nothing more while we look
        started = psutil.Process(kernel.pid).children(recursive=True)
        kernel.kill()
        kernel.wait()
        kernel.stdout.close()
        end = time.monotonic() + _SECONDS
        while not all(map(_gone, started)):
            assert time.monotonic() < end, started
            time.sleep(0.01)
        _sound(directory)
        assert os.listdir(tmp_path / "tmp") == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, places[ENVIRONMENT])
        with SyncSession(Config(language="python")) as session:
            result = session.execute("6 * 7")
            assert result.text == "42", result.traceback
