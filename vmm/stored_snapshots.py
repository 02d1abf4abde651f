"""A hypervisor's snapshots on disk: read ahead of their use, written when there is time."""

from __future__ import annotations

import asyncio
import contextlib
import os

from hypercell.vmm import snapshot_store
from hypercell.vmm.cache import Cache
from hypercell.vmm.descriptor import Descriptor
from hypercell.vmm.errors import HypercellError
from hypercell.vmm.host_calls import told
from hypercell.vmm.snapshot_store import Stored
from hypercell.vmm.vm_snapshot import Snapshot

_STORE_AFTER = 2.0  # seconds: the first cells have the processors


class StoredSnapshots:
    """Used from one event loop; files are read and written in threads.

    A thread goes on when its task is cancelled: what it uses is not closed before its end.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._storing: set[asyncio.Task[None]] = set()
        self._reading: dict[str, asyncio.Task[Stored | None]] = {}
        self._closing = asyncio.Event()

    def read_ahead(self, key: str) -> None:
        """Begin to read what ``get`` will want."""
        if key not in self._reading:
            self._reading[key] = asyncio.create_task(self._read(key))

    async def get(self, key: str) -> Stored | None:
        """What is stored under a key, the caller's to close; or None."""
        reading = self._reading.pop(key, None)
        return await (reading or self._read(key))

    def keep_later(self, key: str, snapshot: Snapshot) -> None:
        """Write a snapshot to disk after a while, unless ``close`` comes first."""
        with contextlib.suppress(OSError):  # then the next kernel makes its own
            work = asyncio.create_task(self._keep(key, snapshot, Descriptor(os.dup(snapshot.fd))))
            self._storing.add(work)
            work.add_done_callback(self._storing.discard)

    async def kept(self) -> None:
        """Wait until all that is to be written is; for tests."""
        await asyncio.gather(*self._storing)

    async def close(self) -> None:
        """Finish what is being written, begin nothing more, forget what was read."""
        self._closing.set()
        await asyncio.gather(*self._storing, return_exceptions=True)
        while self._reading:
            _, reading = self._reading.popitem()
            with contextlib.suppress(HypercellError, OSError):
                if (found := await reading) is not None:
                    os.close(found.fd)

    async def _read(self, key: str) -> Stored | None:
        loop = asyncio.get_running_loop()
        loading = loop.run_in_executor(None, snapshot_store.load, self._cache, key)
        try:
            return await asyncio.shield(loading)
        except asyncio.CancelledError:
            loading.add_done_callback(_let_go)
            raise

    async def _keep(self, key: str, snapshot: Snapshot, copy: Descriptor) -> None:
        def store() -> None:
            found = Stored(copy.fd, snapshot.state, snapshot.hot)
            snapshot_store.store(self._cache, key, found)

        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), _STORE_AFTER)
        if not self._closing.is_set():
            with contextlib.suppress(HypercellError), told("keeping a snapshot"):
                await asyncio.to_thread(store)


def _let_go(loading: asyncio.Future[Stored | None]) -> None:
    """Close what was read when nobody waited any more."""
    if not loading.cancelled() and loading.exception() is None and (found := loading.result()):
        os.close(found.fd)
