"""The kernel process's side of the compiler: limits, time, and what an abnormal end means."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
from collections.abc import Sequence

import msgspec

from hypercell.vmm import channel, memfd
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.errors import (
    CompileLimitExceeded,
    HypercellError,
    ModuleError,
    ProtocolViolation,
    WorkerLost,
)
from hypercell.vmm.fork_client import Child, ForkServer
from hypercell.vmm.messages import (
    Compile,
    Compiled,
    FromCompiler,
    Raised,
    Symbolize,
    Symbolized,
    unpack_error,
)
from hypercell.vmm.program import MIB

Place = tuple[str, int]
_MAX_LOG = 4096
_SYMBOLIZE_SECONDS = 10.0
_SYMBOLIZE_MEMORY = 512 * MIB
_CPU_GRACE = 5
_AFTER = 0.01  # seconds until the next process is forked ahead: let the cell run first


class CompileLimits(msgspec.Struct, frozen=True):
    """Limits of one compile. ``seconds`` of wall time; sizes in bytes.

    ``memory`` is what the compiler may allocate, ``wasm`` bounds the input, ``output`` the result.
    """

    seconds: float = 30.0
    memory: int = 1024 * MIB
    wasm: int = 64 * MIB
    output: int = 512 * MIB


class Result(msgspec.Struct, frozen=True):
    """A compiled module in a sealed memory file of the caller's; of ``size`` bytes."""

    fd: int
    size: int
    description: Compiled


class CompilerClient:
    """Compiles modules, each in a process of its own; one is forked ahead and waits."""

    def __init__(self, server: ForkServer) -> None:
        self._server = server
        self._spare: Child | None = None
        self._forking: asyncio.Task[None] | None = None
        self._closed = False

    async def close(self) -> None:
        """Let go of the process that waits. The server is its owner's to close."""
        self._closed = True
        if self._forking is not None:
            self._forking.cancel()
            await asyncio.gather(self._forking, return_exceptions=True)
        if self._spare is not None:
            self._spare.discard()
            self._spare = None

    async def compile(self, wasm: bytes | str, limits: CompileLimits) -> Result:
        """Compile Wasm, or WAT given as ``str``. Raises ``ModuleError``.

        Cancelling the task kills the compile.
        """
        data = wasm.encode("utf-8", "surrogateescape") if isinstance(wasm, str) else wasm
        if len(data) > limits.wasm:
            raise CompileLimitExceeded(
                f"the module has {len(data)} bytes, the limit is {limits.wasm}",
                hint="make it smaller, or let the owner raise the limit",
            )
        request = Compile(
            isinstance(wasm, str),
            limits.memory,
            math.ceil(limits.seconds) * (os.cpu_count() or 1) + _CPU_GRACE,
            limits.output,
        )
        message, descriptors = await self._ask(request, data, limits.seconds)
        try:
            if not isinstance(message, Compiled) or len(descriptors) != 1:
                raise ProtocolViolation("the compiler sent what was not asked for")
            fd = descriptors[0]
            size = os.fstat(fd).st_size
            if not memfd.is_sealed(fd) or not 0 < size <= limits.output:
                raise ProtocolViolation("the compiler sent a file that is not sealed or too large")
        except BaseException:
            channel.close_all(descriptors)
            raise
        return Result(fd, size, message)

    async def symbolize(self, wasm: bytes, offsets: Sequence[int]) -> tuple[Place | None, ...]:
        """File and line for offsets into the module's bytes, None where unknown or unreadable."""
        request = Symbolize(tuple(offsets), _SYMBOLIZE_MEMORY, math.ceil(_SYMBOLIZE_SECONDS))
        try:
            message, descriptors = await self._ask(request, wasm, _SYMBOLIZE_SECONDS)
        except ModuleError:
            return (None,) * len(offsets)
        channel.close_all(descriptors)
        if not isinstance(message, Symbolized) or len(message.places) != len(offsets):
            raise ProtocolViolation("the compiler sent what was not asked for")
        return message.places

    async def _ask(
        self, request: Compile | Symbolize, data: bytes, seconds: float
    ) -> tuple[Compiled | Symbolized, list[int]]:
        """Let the process that waits do it, else a new one."""
        spare, self._spare = self._spare, None
        try:
            if spare is not None:
                with contextlib.suppress(_KilledError):  # perhaps while it waited: once more
                    return await self._ask_child(spare, request, data, seconds)
            child = await self._server.fork()
            return await self._ask_child(child, request, data, seconds)
        except _KilledError:
            raise CompileLimitExceeded(
                "the compiler was killed from outside, perhaps for want of memory",
                hint="try again; if it repeats, free memory",
            ) from None
        finally:
            asyncio.get_running_loop().call_later(_AFTER, self._fork_ahead)

    async def _ask_child(
        self, child: Child, request: Compile | Symbolize, data: bytes, seconds: float
    ) -> tuple[Compiled | Symbolized, list[int]]:
        outgoing: AsyncChannel[Compiled | Symbolized | Raised] = AsyncChannel(
            child.sock, FromCompiler
        )
        with contextlib.ExitStack() as held:
            held.callback(child.discard)
            held.callback(outgoing.close)
            module = memfd.of_bytes(data, "wasm")
            held.callback(os.close, module)
            log = memfd.create("log")
            held.callback(os.close, log)
            try:
                async with asyncio.timeout(seconds):
                    await outgoing.send(request, [module, log])
                    message, descriptors = await outgoing.receive()
            except TimeoutError:
                raise CompileLimitExceeded(
                    f"the compile took more than {seconds:g} s", hint="make the module smaller"
                ) from None
            except WorkerLost:
                raise await _abnormal(child, log, request) from None
        if isinstance(message, Raised):
            channel.close_all(descriptors)
            raise unpack_error(message)
        return message, descriptors

    def _fork_ahead(self) -> None:
        if (
            self._spare is None
            and not self._closed
            and (self._forking is None or self._forking.done())
        ):
            self._forking = asyncio.create_task(self._keep_spare())

    async def _keep_spare(self) -> None:
        with contextlib.suppress(HypercellError, OSError):  # the next compile says what is wrong
            self._spare = await self._server.fork()


class _KilledError(Exception):
    """SIGKILL, and not by us."""


async def _abnormal(child: Child, log: int, request: Compile | Symbolize) -> Exception:
    """What the end of a child without an answer means."""
    status = await child.wait()
    said = os.pread(log, _MAX_LOG, 0).decode("utf-8", "replace").strip()
    limit = f"its memory limit of {request.memory // MIB} MiB"
    if status == -signal.SIGXCPU:
        text = f"the compile took more than {request.cpu} s of CPU time"
        return CompileLimitExceeded(text, hint="make the module smaller")
    if "memory allocation" in said or "MemoryError" in said or "Cannot allocate memory" in said:
        return CompileLimitExceeded(f"the compiler reached {limit}", hint="make the module smaller")
    if status == -signal.SIGKILL:
        return _KilledError()
    if status == -signal.SIGSYS:
        return ModuleError(
            "the compiler made a system call that is not on its list: seccomp killed it (SIGSYS)",
            hint="the module may have attacked the compiler; it was not run",
        )
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return ModuleError(
        f"the compiler ended with {how} on this module: {said[-500:] or 'no message'}",
        hint="this may be a defect of Wasmtime; the module was not run",
    )
