"""The way into micro-VMs for a kernel process: compile, acquire, snapshot."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Collection, Sequence
from typing import Self

from hypercell.vmm import channel as channels
from hypercell.vmm import memfd, snapshot_store, warmup
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.cache import Cache
from hypercell.vmm.code_cache import Code, CodeCache
from hypercell.vmm.commands import Command, Ok
from hypercell.vmm.compiler_client import CompileLimits, CompilerClient, Place
from hypercell.vmm.errors import (
    CellError,
    Closed,
    HostError,
    ProtocolViolation,
    WorkerLost,
)
from hypercell.vmm.fork_client import ForkServer
from hypercell.vmm.host_calls import KILLED, hint, told
from hypercell.vmm.image_path import read_image
from hypercell.vmm.layer import Layer
from hypercell.vmm.messages import Boot, FromWorker, Raised, Snapped, unpack_error
from hypercell.vmm.pool import Pool
from hypercell.vmm.program import Limits
from hypercell.vmm.session_state import SessionState, after, wants_all
from hypercell.vmm.snapshot_store import Stored
from hypercell.vmm.stored_snapshots import StoredSnapshots
from hypercell.vmm.vm import Incoming, OnOutput, Vm
from hypercell.vmm.vm_snapshot import Snapshot, Warmup

PARKED = 8  # of 4 MiB each
_BOOT_SECONDS = 10.0


class Hypervisor:
    """One per kernel process; used from one event loop.

    ``parked``: how many VMs of the bare image wait ready-made. ``cache``: where compiled code is
    kept, else the user's cache directory. ``may_miss``: layers of the jail (``isolation.LAYERS``)
    without which the owner wants cells all the same.
    """

    def __init__(
        self,
        *,
        parked: int = PARKED,
        cache: Cache | None = None,
        may_miss: Collection[str] = (),
    ) -> None:
        self.cache = cache or Cache()
        self._parked = parked
        self._zygote = ForkServer("hypercell.vmm.zygote", may_miss)
        self._compiler_server = ForkServer("hypercell.vmm.compiler", may_miss)
        self._compiler = CompilerClient(self._compiler_server)
        self._codes = CodeCache(self.cache, self._compiler)
        self._pool = Pool(self._zygote)
        self._image: Snapshot | None = None
        self._stored = StoredSnapshots(self.cache)
        self._image_bytes = b""
        self._closed = False
        self._ending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the processes and boot the image.

        Raises ``KvmUnavailable``, ``ImageMissing``, ``HostError``.
        """
        if self._closed:
            raise Closed("the hypervisor is closed")
        if self._image is not None:
            return
        with told("starting"):
            await self._start()

    async def _start(self) -> None:
        image = self._image_bytes = read_image()
        try:
            compiling = asyncio.create_task(self._compiler_server.start())
            try:
                fd, state = await self._boot(image)
            finally:
                await asyncio.gather(compiling, return_exceptions=True)
            try:
                compiling.result()
                code = await self.compile(warmup.PROGRAM)
            except BaseException:
                os.close(fd)
                raise
            self._image = Snapshot(
                "image",
                fd,
                state,
                parked=self._parked,
                warmup=warmup.for_image(code),
            )
            self._pool.add(self._image)
        except BaseException:
            await self.close()
            raise

    @property
    def missing(self) -> dict[str, str]:
        """Layers of the jail that are not in force, and why."""
        return self._zygote.missing | self._compiler_server.missing

    async def close(self) -> None:
        """End every process and VM. Calling it again waits for the same end.

        Cancelled, it ends the processes at once, and what is left in the background.
        """
        if self._ending is None:
            self._closed = True
            self._ending = asyncio.create_task(self._end())
        try:
            await asyncio.shield(self._ending)
        except asyncio.CancelledError:
            self.kill()
            raise

    def kill(self) -> None:
        """End every process at once; what else there is to let go of is for ``close``."""
        self._zygote.kill()
        self._compiler_server.kill()

    async def _end(self) -> None:
        await self._stored.close()
        await asyncio.gather(self._pool.close(), self._compiler.close())
        await asyncio.gather(self._zygote.close(), self._compiler_server.close())
        self._codes.clear()
        if self._image is not None:
            self._image.close()
        self.cache.close()

    async def compile(self, wasm: bytes | str, *, limits: CompileLimits | None = None) -> Code:
        """Compile Wasm, or WAT given as ``str``; what was compiled before comes from the cache.

        Raises ``InvalidModule``, ``CompileLimitExceeded``.
        """
        with told("compiling"):
            return await self._codes.get(wasm, limits or CompileLimits())

    async def compiled(self, key: str) -> Code | None:
        """A large module that was compiled before, by its ``Code.key``; None if it is not kept."""
        with told("reading compiled code"):
            return await self._codes.find(key, big=True)

    async def symbolize(self, wasm: bytes, offsets: Sequence[int]) -> tuple[Place | None, ...]:
        """File and line for offsets into the bytes of a module, from its DWARF."""
        with told("reading debug information"):
            return await self._compiler.symbolize(wasm, offsets)

    async def acquire(
        self, place: Snapshot | SessionState | None = None, *, lasting: bool = False
    ) -> Vm:
        """A VM that nobody has used: parked, else made now. None: the bare image.

        ``lasting``: what it leaves will be committed. Raises ``HostError``, ``Closed``.
        """
        with told("making a VM"):
            return await self._pool.acquire(place or self._base(), lasting=lasting)

    async def make_snapshot(
        self,
        commands: Sequence[Command],
        *,
        code: Sequence[Code] = (),
        layers: Sequence[Layer] = (),
        name: str,
        until_deferred: bool = False,
        limits: Limits | None = None,
        parked: int = 1,
        eager: bool = False,
        warmup: Warmup | None = None,
        sessions: bool = False,
        stored: bool = False,
        on_output: OnOutput | None = None,
    ) -> Snapshot:
        """Run commands in a fresh VM and keep its state: at the end, or where the last command
        opens a deferred file.

        ``parked`` VMs of it wait ready-made; ``eager``: each with a copy of the snapshot of its
        own in huge pages, which costs its size in memory; ``warmup``: run and undone in each;
        ``sessions``: what cells leave in its VMs may be committed; ``stored``: kept on disk for
        the next kernel, where code and commands alone make it.
        Raises ``CellError`` if a command fails, and what ``Vm.run`` raises.
        """
        key = ""
        if stored and not layers and not until_deferred:
            key = self._stored_key(commands, [item.key for item in code], limits)
        with told("making a snapshot"):
            found = await self._stored.get(key) if key else None
            made = found or await self._run_to_snapshot(
                commands, code, layers, name, until_deferred, limits, on_output
            )
        snapshot = Snapshot(
            name,
            made.fd,
            made.state,
            code=code,
            layers=layers,
            suspended=commands[-1:] if until_deferred else (),
            parked=parked,
            eager=eager,
            warmup=warmup,
            sessions=sessions,
            hot=made.hot,
        )
        self._pool.add(snapshot)
        if key and found is None:
            self._stored.keep_later(key, snapshot)
        return snapshot

    def read_ahead(
        self, commands: Sequence[Command], code_keys: Sequence[str], limits: Limits | None
    ) -> None:
        """Begin to read the stored snapshot that ``make_snapshot`` will want: its code can be read
        meanwhile.
        """
        self._stored.read_ahead(self._stored_key(commands, code_keys, limits))

    def _stored_key(
        self, commands: Sequence[Command], code_keys: Sequence[str], limits: Limits | None
    ) -> str:
        return snapshot_store.key(self._image_bytes, code_keys, commands, limits or Limits())

    async def _run_to_snapshot(
        self,
        commands: Sequence[Command],
        code: Sequence[Code],
        layers: Sequence[Layer],
        name: str,
        until_deferred: bool,
        limits: Limits | None,
        on_output: OnOutput | None,
    ) -> Stored:
        vm = await self._pool.fresh(self._base())
        try:
            fd, state, replies = await vm.snapshot(
                commands,
                code=code,
                layers=layers,
                limits=limits,
                until_deferred=until_deferred,
                on_output=on_output,
            )
        finally:
            vm.close()
        failed = [reply for reply in replies if not isinstance(reply, Ok)]
        if failed:
            os.close(fd)
            raise CellError(f"the snapshot {name!r} cannot be made: {failed[0]}")
        return Stored(fd, state)

    async def commit(
        self, vm: Vm, parent: Snapshot | SessionState, layers: Sequence[Layer] = ()
    ) -> SessionState:
        """Keep what a VM left that began with ``parent`` and whose runs ended, and close the VM.

        ``layers``: what it mapped. Raises what ``Vm.run`` raises; then ``parent`` is all there is.
        """
        with told("keeping what a cell left"):
            full = wants_all(parent)
            try:
                kept, fd, more = await vm.keep()
            finally:
                vm.close()
            state = after(parent, kept, fd, layers, full=full, more=more)
            self._pool.pass_on(vm, state)
            return state

    def prepare(self, state: SessionState) -> None:
        """Begin to make a VM of a session's state, for the next ``acquire`` of what lasts."""
        self._pool.prepare(state)

    def unprepare(self, state: SessionState) -> None:
        """Keep none ready any more; the state can be used all the same."""
        self._pool.forget(state)

    def discard(self, snapshot: Snapshot) -> None:
        """Forget a snapshot and its parked VMs; VMs that run go on."""
        self._pool.discard(snapshot)
        snapshot.close()

    def parked(self, snapshot: Snapshot | None = None) -> int:
        """How many VMs wait ready-made."""
        return self._pool.count(snapshot or self._base())

    async def filled(self) -> None:
        """Wait until all VMs that should be parked are; for benchmarks and tests."""
        await self._pool.filled()

    def processes(self) -> dict[str, list[int]]:
        """Process ids: zygote, compiler, workers, compiles."""
        servers = {"zygote": self._zygote.pid, "compiler": self._compiler_server.pid}
        found = {name: [pid] for name, pid in servers.items() if pid is not None}
        found["workers"] = self._zygote.children
        found["compiles"] = self._compiler_server.children
        return found

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _base(self) -> Snapshot:
        if self._closed:
            raise Closed("the hypervisor is closed")
        if self._image is None:
            raise Closed("the hypervisor was not started")
        return self._image

    async def _boot(self, image: bytes) -> tuple[int, bytes]:
        """Boot the image in a worker; its snapshot."""
        child = await self._zygote.fork()
        with contextlib.ExitStack() as held:
            held.callback(child.discard)
            channel: AsyncChannel[Incoming] = AsyncChannel(child.sock, FromWorker)
            held.callback(channel.close)
            fd = memfd.of_bytes(image, "image")
            held.callback(os.close, fd)
            try:
                async with asyncio.timeout(_BOOT_SECONDS):
                    await channel.send(Boot(), [fd])
                    message, descriptors = await channel.receive()
            except TimeoutError:
                text = f"the guest image did not boot in {_BOOT_SECONDS:g} s"
                raise HostError(text, hint=hint(0)) from None
            except WorkerLost:
                text = "the process that boots the guest image died"
                raise HostError(text, hint=KILLED) from None
        if isinstance(message, Raised):
            channels.close_all(descriptors)
            raise unpack_error(message)
        if not isinstance(message, Snapped) or len(descriptors) != 1:
            channels.close_all(descriptors)
            raise ProtocolViolation("the guest image booted into no snapshot")
        return descriptors[0], message.state
