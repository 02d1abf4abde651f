"""The end of a hypervisor, also a cancelled one, leaves no process and no descriptor;
a thread that outlives its task has what it works on until it is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from pathlib import Path

import pytest
from nth_call import SECONDS, back_to, held, settled

from hypercell.vmm import Cache, Hypervisor, snapshot_store, stored_snapshots
from hypercell.vmm import commands as c
from hypercell.vmm.snapshot_store import Stored

EMPTY = '(module (func (export "f")))'


async def until(true: object) -> None:
    """Wait until a callable says so."""
    async with asyncio.timeout(SECONDS):
        while not true():  # type: ignore[operator]  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def keep(hypervisor: Hypervisor) -> None:
    """Make a snapshot that is to be written to disk."""
    code = await hypervisor.compile(EMPTY)
    await hypervisor.make_snapshot([c.Load(0)], code=[code], name="kept", parked=1, stored=True)


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8])
async def test_a_close_that_is_cancelled_ends_all_processes(tmp_path: Path, steps: int) -> None:
    cache = Cache(tmp_path)
    async with Hypervisor(cache=cache):  # what one start leaves for good, it leaves here
        pass
    before = held()
    hypervisor = Hypervisor(parked=2, cache=Cache(tmp_path))
    await hypervisor.start()
    await keep(hypervisor)
    await hypervisor.filled()
    closing = asyncio.create_task(hypervisor.close())
    for _ in range(steps):
        await asyncio.sleep(0)
    closing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await closing
    if steps:
        await until(lambda: held()["processes"] == before["processes"])
    await hypervisor.close()
    assert held() == before


async def test_a_cancelled_write_keeps_its_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def store(_: Cache, __: str, found: Stored) -> None:
        seen.append(os.fstat(found.fd).st_ino)
        begun.set()
        go_on.wait(SECONDS)
        seen.append(os.fstat(found.fd).st_ino)

    monkeypatch.setattr(stored_snapshots, "_STORE_AFTER", 0.0)
    monkeypatch.setattr(snapshot_store, "store", store)
    async with Hypervisor(parked=0, cache=Cache(tmp_path)) as hypervisor:
        await keep(hypervisor)
        await until(begun.is_set)
        for task in hypervisor._stored._storing:
            task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await until(lambda: len(seen) == 2)
    assert seen[0] == seen[1]


async def test_a_cancelled_read_closes_what_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Hypervisor(parked=0, cache=Cache(tmp_path)) as hypervisor:
        monkeypatch.setattr(stored_snapshots, "_STORE_AFTER", 0.0)
        await keep(hypervisor)
        await hypervisor._stored.kept()
        load, go_on, read = snapshot_store.load, threading.Event(), threading.Event()

        def slow(cache: Cache, name: str) -> Stored | None:
            go_on.wait(SECONDS)
            found = load(cache, name)
            assert found is not None
            read.set()
            return found

        monkeypatch.setattr(snapshot_store, "load", slow)
        (entry,) = (tmp_path / "v1").glob("snapshot-*")
        before = await settled(hypervisor)
        reading = asyncio.create_task(hypervisor._stored.get(entry.name.partition("-")[2]))
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        go_on.set()
        await until(read.is_set)
        await back_to(before, hypervisor)
