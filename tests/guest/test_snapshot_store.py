"""Snapshots on disk: the next kernel begins in the same memory; what is damaged is made anew."""

import os

import pytest

from hypercell.vmm import Hypervisor, ValType, Value, snapshot_store
from hypercell.vmm import commands as c
from hypercell.vmm import hypervisor as module
from hypercell.vmm.cache import Cache

COUNTER = """(module (memory (export "memory") 1)
  (func (export "add") (param i32) (result i32)
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get 0)))
    (i32.load (i32.const 8))))"""


def add(number: int) -> c.Command:
    return c.Invoke(0, "add", (Value(ValType.I32, number),))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(module, "_STORE_AFTER", 0.0)


async def begin(cache, *numbers, check=True):
    """A kernel that adds the numbers before the snapshot: (what 100 more makes, its bytes)."""
    async with Hypervisor(parked=0, cache=cache) as hypervisor:
        code = await hypervisor.compile(COUNTER)
        snapshot = await hypervisor.make_snapshot(
            [c.Load(0), c.Instantiate(0), *map(add, numbers)],
            code=[code],
            name="counter",
            parked=0,
            stored=True,
        )
        async with await hypervisor.acquire(snapshot) as vm:
            reply = (await vm.run([add(100)]))[0]
        for task in tuple(hypervisor._storing):
            await task
        memory = os.pread(snapshot.fd, 1 << 28, 0)
        assert isinstance(reply, c.Ok)
        return reply.values[0].bits, memory, bool(hypervisor._storing)


def entries(root):
    return sorted(path for path in (root / "v1").iterdir() if path.name.startswith("snapshot-"))


async def test_the_next_kernel_begins_where_the_first_did(tmp_path, monkeypatch):
    first = await begin(Cache(tmp_path), 1, 2)
    assert first[0] == 103
    assert len(entries(tmp_path)) == 1
    stored = []
    monkeypatch.setattr(snapshot_store, "store", lambda *given: stored.append(given))
    second = await begin(Cache(tmp_path), 1, 2)
    assert second[:2] == first[:2]
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


@pytest.mark.parametrize(
    "runs",
    [
        [(0, 4096), (0, 4096)],
        [(4096, 0)],
        [(0, 1 << 40)],
        [(0, 4096)],
        [(0, 4096), (8192, 16384)],
    ],
)
def test_an_entry_that_makes_no_sense_is_dropped(tmp_path, runs):
    import msgspec

    cache = Cache(tmp_path)
    meta = msgspec.msgpack.encode({"state": b"", "runs": runs, "size": 1 << 20})
    cache.put("snapshot", "k", bytes(8192), meta=meta)
    assert snapshot_store.load(cache, "k") is None
    assert not cache.has("snapshot", "k")
