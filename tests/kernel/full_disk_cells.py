"""Cells of every kind while the disk of the caches is full; a script for ``full_disk.run``.

The machine code of the toolchains comes from the owner's cache, read-only: it would take minutes to
make. ``HYPERCELL_CACHE`` lies on the full disk.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from full_disk import Disk

from hypercell.kernel.config import Config
from hypercell.kernel.session import Session
from hypercell.kernel.toolchains.store import ToolchainStore
from hypercell.vmm import cache as caches
from hypercell.vmm import stored_snapshots
from hypercell.vmm.cache import Cache
from hypercell.vmm.errors import HypercellError

FREE = (0, 4096, 40_000)
ADD = '(module (func (export "add{}") (param i32 i32) (result i32) local.get 0))'


def borrow(source: Path, target: Path, *, mount: bool) -> set[str]:
    """Show the toolchains' machine code in the new cache; the names of the entries."""
    target.mkdir(mode=0o700, parents=True)
    store = ToolchainStore()
    names = {f"code-{store.manifest(name).code}" for name in ("c", "python")}
    for name in names:
        if mount:
            (target / name).touch()
            subprocess.run(["mount", "--bind", source / name, target / name], check=True)
        else:
            shutil.copyfile(source / name, target / name)
    return names


async def cells(session: Session, number: int, disk: Disk) -> None:
    """New ones: nothing of them is in a cache."""
    done = []
    for cell, text, out in (
        (f"%%wat --invoke add{number} 2 3\n{ADD.format(number)}", "add", b""),
        (f"seen.append({number})\nseen", str([*range(number + 1)]), b""),
        (f'%%c\nprintf("%d\\n", {number});', "", b"%d\n" % number),
        (f"%%file f{number}\nx", "f", b""),
    ):
        result = await session.execute(cell)
        if disk.small:
            assert result.error is None, (number, cell, result.traceback)
            assert text in result.text, (number, cell, result.text)
            assert result.stdout == out, (number, cell, result.stdout)
        elif result.error is not None:  # memory files are as small as the others
            assert isinstance(result.error, HypercellError)
            assert result.error.hint, result.error
        done.append(result.error is None)
    await session.settled()
    print(number, done)


def sound(cache: Cache, borrowed: set[str]) -> None:
    """Every entry is whole, and nothing half-written is left."""
    for entry in cache.root.iterdir():
        if entry.name in (*borrowed, "lock"):
            continue
        assert not entry.name.startswith("tmp-"), entry
        room, _, key = entry.name.rpartition("-")
        found = cache.open(room, key)
        assert found is not None, entry
        os.close(found.fd)


async def main(disk: Disk) -> None:
    stored_snapshots._STORE_AFTER = 0.0
    source, target = caches.default_root(), disk.place / "cache"
    layout = caches.LAYOUT
    borrowed = borrow(source / layout, target / layout, mount=disk.small)
    os.environ[caches.ENVIRONMENT] = str(target)
    if disk.small:
        disk.fill()
    async with Session(Config()) as session:
        assert (await session.execute("seen = []")).error is None
        if not disk.small:
            await session.execute('%%c\nputs("");')
        hypervisor = await session.hypervisor()
        for number, left in enumerate(FREE):
            disk.fill(left)
            await cells(session, number, disk)
        if disk.small:
            assert "No space left" in hypervisor.cache.note, hypervisor.cache.note
        disk.free()
        sound(hypervisor.cache, borrowed)
        before = hypervisor.cache.size()
        result = await session.execute(f"%%wat --invoke addlast 2 3\n{ADD.format('last')}")
        assert result.error is None, result.traceback
        assert hypervisor.cache.size() > before  # it is a cache again
        result = await session.execute("seen")
        assert disk.small <= (result.text == str([*range(len(FREE))])), result.text
    print("sound")


if __name__ == "__main__":
    asyncio.run(main(Disk(sys.argv)))
