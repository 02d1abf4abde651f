"""Snapshots on disk: the next kernel begins in the same memory; what is damaged is made anew."""

import asyncio
import os

import msgspec
import pytest

from hypercell.vmm import Hypervisor, ValType, Value, memfd, snapshot_store, stored_snapshots
from hypercell.vmm import commands as c
from hypercell.vmm.cache import Cache

COUNTER = """(module (memory (export "memory") 1)
  (func (export "add") (param i32) (result i32)
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get 0)))
    (i32.load (i32.const 8))))"""


def add(number: int) -> c.Command:
    return c.Invoke(0, "add", (Value(ValType.I32, number),))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(stored_snapshots, "_STORE_AFTER", 0.0)


def commands(*numbers):
    return [c.Load(0), c.Instantiate(0), *map(add, numbers)]


async def begin(cache, *numbers, ahead=False):
    """A kernel that adds the numbers before the snapshot: (what 100 more makes, its bytes)."""
    async with Hypervisor(parked=0, cache=cache) as hypervisor:
        code = await hypervisor.compile(COUNTER)
        if ahead:
            hypervisor.read_ahead(commands(*numbers), [code.key], None)
        snapshot = await hypervisor.make_snapshot(
            commands(*numbers),
            code=[code],
            name="counter",
            parked=0,
            stored=True,
        )
        async with await hypervisor.acquire(snapshot) as vm:
            reply = (await vm.run([add(100)]))[0]
        await hypervisor._stored.kept()
        memory = os.pread(snapshot.fd, 1 << 28, 0)
        assert isinstance(reply, c.Ok)
        return reply.values[0].bits, memory


def entries(root):
    return sorted(path for path in (root / "v1").iterdir() if path.name.startswith("snapshot-"))


async def test_the_next_kernel_begins_where_the_first_did(tmp_path, monkeypatch):
    first = await begin(Cache(tmp_path), 1, 2)
    assert first[0] == 103
    assert len(entries(tmp_path)) == 1
    stored = []
    monkeypatch.setattr(snapshot_store, "store", lambda *given: stored.append(given))
    second = await begin(Cache(tmp_path), 1, 2)
    assert second == first
    assert stored == []  # it was not made again


async def test_other_commands_are_another_snapshot(tmp_path):
    assert (await begin(Cache(tmp_path), 1))[0] == 101
    assert (await begin(Cache(tmp_path), 2))[0] == 102
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["byte", "short", "empty"])
async def test_a_damaged_one_is_made_anew(tmp_path, damage):
    await begin(Cache(tmp_path), 5)
    (path,) = entries(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "byte":
        data[len(data) // 2] ^= 1
    path.write_bytes({"byte": data, "short": data[:-4096], "empty": b""}[damage])
    assert (await begin(Cache(tmp_path), 5))[0] == 105
    assert entries(tmp_path)[0].read_bytes() != data


_SOUND = {
    "state": msgspec.msgpack.encode({"arenas": {"committed": []}, "ram": [], "extents": []}),
    "runs": [(0, 4096), (8192, 12288)],
    "size": 1 << 20,
    "hot": [(0, 1 << 21)],
}


def test_the_data_of_an_entry_lies_where_its_runs_say(tmp_path):
    cache = Cache(tmp_path)
    data = bytes(4096) + b"x" * 4096
    cache.put("snapshot", "k", data, meta=msgspec.msgpack.encode(_SOUND))
    found = snapshot_store.load(cache, "k")
    assert found is not None
    assert memfd.is_sealed(found.fd)
    assert memfd.size_of(found.fd) == 1 << 20
    assert os.pread(found.fd, 1 << 20, 0) == bytes(8192) + b"x" * 4096 + bytes((1 << 20) - 12288)
    assert found.hot == ((0, 1 << 21),)
    os.close(found.fd)


@pytest.mark.parametrize(
    "wrong",
    [
        {"runs": [(0, 4096), (0, 4096)]},
        {"runs": [(4096, 0)]},
        {"runs": [(0, 1 << 40)]},
        {"runs": [(0, 4096)]},
        {"runs": [(0, 4096), (8192, 16384)]},
        {"runs": [(0, 8192)], "size": 4096},
        {"hot": [(0, 4096)]},
        {"hot": [(1 << 21, 0)]},
        {"state": b""},
    ],
)
def test_an_entry_that_makes_no_sense_is_dropped(tmp_path, wrong):
    cache = Cache(tmp_path)
    cache.put("snapshot", "k", bytes(8192), meta=msgspec.msgpack.encode({**_SOUND, **wrong}))
    assert snapshot_store.load(cache, "k") is None
    assert not cache.has("snapshot", "k")


async def test_what_is_read_ahead_is_used_or_closed(tmp_path, monkeypatch):
    first = await begin(Cache(tmp_path), 1)
    loads = []
    load = snapshot_store.load
    monkeypatch.setattr(snapshot_store, "load", lambda *given: loads.append(given) or load(*given))
    assert await begin(Cache(tmp_path), 1, ahead=True) == first
    assert len(loads) == 1
    before = len(os.listdir("/proc/self/fd"))
    await _read_and_leave(Cache(tmp_path))
    assert len(loads) == 2
    assert len(os.listdir("/proc/self/fd")) == before


async def _read_and_leave(cache):
    async with Hypervisor(cache=cache) as hypervisor:
        code = await hypervisor.compile(COUNTER)
        hypervisor.read_ahead(commands(1), [code.key], None)
        await asyncio.sleep(0)
