"""clang and wasm-ld of one hypervisor: one Wasm file, run in a VM of its own each time.

Three snapshots make it quick. In the first the tool is loaded; any command line can start there.
In the others a command line has begun: clang has read the standard headers and wants the cell,
wasm-ld has read the C library and wants the first object. These are made in the background for
the command lines that are used, and serve from the second time on.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from hypercell.kernel.languages.clang import commands
from hypercell.kernel.languages.clang.tool_run import LIMITS, File, Ran, give, use
from hypercell.kernel.toolchains import compiled
from hypercell.kernel.toolchains.store import LAYER
from hypercell.vmm import abi
from hypercell.vmm.commands import (
    Command,
    Defer,
    FillTables,
    Instantiate,
    Invoke,
    Load,
    Mount,
    PutFile,
    Quota,
    Wasi,
)
from hypercell.vmm.errors import Closed, HostError, HypercellError
from hypercell.vmm.layer import Layer

if TYPE_CHECKING:
    from hypercell.kernel.languages.base import BuildContext
    from hypercell.vmm.hypervisor import Hypervisor
    from hypercell.vmm.vm import Vm
    from hypercell.vmm.vm_snapshot import Snapshot

_KEPT = 4  # begun command lines; each keeps a VM with a copy of its memory, 40 MB
_PREPARE_AFTER = 0.3  # seconds, so that the cell itself comes first
_LOAD: tuple[Command, ...] = (
    Quota(0, 0, LIMITS.tmp_bytes, LIMITS.tmp_files),
    Mount("/usr", 0, abi.MOUNT_LAYER),
    Mount(commands.HOME, None, abi.MOUNT_LAYER),
    Mount("/tmp", None, abi.MOUNT_TMP),  # noqa: S108 - in the guest
    Load(0),
    Wasi(("clang",), preopens=commands.PREOPENS),
    Instantiate(0),
    FillTables(0),
)


class Begin(msgspec.Struct, frozen=True):
    """A command line, the files that it needs from its start, and the file that it waits for."""

    line: tuple[str, ...]
    wanted: str
    files: tuple[File, ...] = ()


class Tools:
    """Of one hypervisor. ``of(hypervisor)`` finds or makes it."""

    _all: ClassVar[weakref.WeakKeyDictionary[Hypervisor, Tools]] = weakref.WeakKeyDictionary()

    def __init__(self, hypervisor: Hypervisor) -> None:
        self._hypervisor: Hypervisor = weakref.proxy(hypervisor)
        self._loading = asyncio.Lock()
        self._loaded: Snapshot | None = None
        self._begun: OrderedDict[Begin, Snapshot] = OrderedDict()
        self._wanted: set[Begin] = set()
        self._preparing = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    @classmethod
    def of(cls, hypervisor: Hypervisor) -> Tools:
        """The tools of a hypervisor."""
        found = cls._all.get(hypervisor)
        if found is None:
            found = cls._all[hypervisor] = cls(hypervisor)
        return found

    async def run(
        self,
        ctx: BuildContext,
        begin: Begin,
        files: Sequence[File],
        home: Layer | None,
        results: Sequence[str],
        *,
        again: bool = True,
    ) -> Ran:
        """Run a tool in a fresh VM and read the ``results``.

        ``again``: this command line is worth a snapshot. Raises BuildError for the tool's limits,
        ToolchainMissing, ToolchainDamaged.
        """
        loaded = await self.load(ctx)
        given, layers = give(files, home)
        vm = await self._acquire_begun(begin)
        if vm is not None:
            return await use(vm, given, 0, layers, results)
        given, layers = give((*begin.files, *files), home)
        vm = await self._hypervisor.acquire(loaded)  # from here on ``use`` lets go of it
        ran = await use(vm, [*given, *_start(begin)], len(given) + 1, layers, results)
        if again and ran.ok:
            self.prepare(ctx, begin)
        return ran

    async def _acquire_begun(self, begin: Begin) -> Vm | None:
        begun = self._begun.get(begin)
        if begun is None:
            return None
        self._begun.move_to_end(begin)
        with contextlib.suppress(HostError, Closed):  # it was discarded meanwhile
            return await self._hypervisor.acquire(begun)
        return None

    async def load(self, ctx: BuildContext) -> Snapshot:
        """The snapshot in which the tool is loaded, made if need be.

        Raises ToolchainMissing, ToolchainDamaged.
        """
        async with self._loading:
            if self._loaded is None:
                path = ctx.toolchains.find("c")
                ctx.progress("loading clang")
                code = await compiled.load(self._hypervisor, path, "c", ctx.progress)
                sysroot = await asyncio.to_thread(Layer.from_file, path / LAYER)
                self._loaded = await self._hypervisor.make_snapshot(
                    _LOAD, code=[code], layers=[sysroot], limits=LIMITS, name="clang", eager=True
                )
            return self._loaded

    def prepare(self, ctx: BuildContext, begin: Begin, *, after: float = _PREPARE_AFTER) -> None:
        """Make a snapshot for a command line soon, in the background; failing is no error."""
        if begin not in self._wanted and begin not in self._begun:
            self._wanted.add(begin)
            task = asyncio.create_task(self._prepare(ctx, begin, after))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def prepared(self) -> None:
        """Wait until nothing is being prepared; for tests and benchmarks."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _prepare(self, ctx: BuildContext, begin: Begin, after: float) -> None:
        await asyncio.sleep(after)
        with contextlib.suppress(HypercellError, OSError, ReferenceError):
            async with self._preparing:
                loaded = await self.load(ctx)
                layers = [Layer.from_bytes(file.data) for file in begin.files]
                put = [PutFile(file.path, 1 + number) for number, file in enumerate(begin.files)]
                snapshot = await self._hypervisor.make_snapshot(
                    [*_LOAD, *put, Defer(begin.wanted), *_start(begin)],
                    code=loaded.code,
                    layers=[*loaded.layers, *layers],
                    limits=LIMITS,
                    name=begin.line[0],
                    until_deferred=True,
                    eager=True,
                )
                self._begun[begin] = snapshot
                while len(self._begun) > _KEPT:
                    self._hypervisor.discard(self._begun.popitem(last=False)[1])
        self._wanted.discard(begin)


def _start(begin: Begin) -> list[Command]:
    return [Wasi(begin.line, preopens=commands.PREOPENS), Invoke(0, "_start")]
