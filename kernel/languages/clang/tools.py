"""clang and wasm-ld of one hypervisor: one Wasm file, run in a VM of its own each time.

What is slow is done before it is needed: VMs wait in which the tool is loaded, and others in which
the linker has read the C library and waits for the object.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec

from hypercell.kernel.errors import BuildError
from hypercell.kernel.languages.clang import commands
from hypercell.kernel.languages.clang.flags import Flags
from hypercell.kernel.toolchains import compiled
from hypercell.kernel.toolchains.store import LAYER, WASM
from hypercell.vmm import abi
from hypercell.vmm.commands import (
    Command,
    Defer,
    Exited,
    Failed,
    FillTables,
    Instantiate,
    Invoke,
    Load,
    Mount,
    Ok,
    PutFile,
    Quota,
    ReadFile,
    Reply,
    Trapped,
    Usage,
    Wasi,
)
from hypercell.vmm.errors import (
    HypercellError,
    OutputLimitExceeded,
    ProtocolViolation,
    TimedOut,
)
from hypercell.vmm.layer import Layer
from hypercell.vmm.program import MIB, Limits
from hypercell.vmm.vm_snapshot import Snapshot, Warmup

if TYPE_CHECKING:
    from hypercell.kernel.languages.base import BuildContext
    from hypercell.vmm.code_cache import Code
    from hypercell.vmm.hypervisor import Hypervisor
    from hypercell.vmm.vm import Vm

LIMITS = Limits(memory=1024 * MIB, wall=30.0, output=MIB, tmp_bytes=128 * MIB, tmp_files=64)
_QUOTA = Quota(0, 0, LIMITS.tmp_bytes, LIMITS.tmp_files)
_PIECE = 0x8_0000  # bytes of a result read at once
_MAX_RESULT = LIMITS.tmp_bytes
_KEPT_LINKERS = 4
_HELLO = b'#include <stdio.h>\nint main(void) { printf("%d\\n", 42); return 0; }\n'


class Ran(msgspec.Struct, frozen=True):
    """How a tool ended. ``results``: the files that were asked for; None unless it went well."""

    ok: bool
    text: bytes
    results: tuple[bytes, ...] = ()


class File(msgspec.Struct, frozen=True):
    """A file for a tool: an absolute path in the guest, and its bytes."""

    path: str
    data: bytes


class Tools:
    """Of one hypervisor. ``of(ctx)`` finds or makes it."""

    _all: ClassVar[weakref.WeakKeyDictionary[Hypervisor, Tools]] = weakref.WeakKeyDictionary()

    def __init__(self, hypervisor: Hypervisor) -> None:
        self._hypervisor: Hypervisor = weakref.proxy(hypervisor)
        self._loading = asyncio.Lock()
        self._code: Code | None = None
        self._sysroot: Layer | None = None
        self._ready: Snapshot | None = None
        self._linkers: OrderedDict[tuple[str, ...], Snapshot] = OrderedDict()
        self._linking = asyncio.Lock()

    @classmethod
    def of(cls, hypervisor: Hypervisor) -> Tools:
        """The tools of a hypervisor."""
        found = cls._all.get(hypervisor)
        if found is None:
            found = cls._all[hypervisor] = cls(hypervisor)
        return found

    async def load(self, ctx: BuildContext) -> Snapshot:
        """The snapshot in which the tool is loaded, made if need be.

        Raises ToolchainMissing, ToolchainDamaged.
        """
        async with self._loading:
            if self._ready is None:
                path = ctx.toolchains.find("c")
                ctx.progress("loading clang")
                self._code, self._sysroot = await self._read(path)
                self._ready = await self._hypervisor.make_snapshot(
                    _LOAD,
                    code=[self._code],
                    layers=[self._sysroot],
                    limits=LIMITS,
                    name="clang",
                    warmup=_warmup(commands.compile_line("hello.c", Flags(("-g",)))),
                )
            return self._ready

    async def _read(self, path: Path) -> tuple[Code, Layer]:
        wasm = await asyncio.to_thread((path / WASM).read_bytes)
        code = await self._hypervisor.compile(wasm, limits=compiled.LIMITS)
        layer = await asyncio.to_thread(Layer.from_file, path / LAYER)
        return code, layer

    async def run(
        self,
        ctx: BuildContext,
        line: Sequence[str],
        files: Sequence[File],
        home: Layer | None,
        results: Sequence[str],
    ) -> Ran:
        """Run a tool in a fresh VM and read the ``results``. Raises BuildError for its limits."""
        snapshot = await self.load(ctx)
        given, layers = _give(files, home)
        start: list[Command] = [Wasi(tuple(line), preopens=commands.PREOPENS), Invoke(0, "_start")]
        vm = await self._hypervisor.acquire(snapshot)
        return await _use(vm, [*given, *start], len(given) + 1, layers, results)

    async def link(
        self, ctx: BuildContext, line: Sequence[str], objects: Sequence[File], home: Layer | None
    ) -> Ran:
        """Run the linker from a snapshot in which it waits for its first object."""
        given, layers = _give(objects, home)
        vm = await self._linker(ctx, tuple(line), objects[0].path)
        return await _use(vm, given, 0, layers, (commands.PROGRAM,))

    async def _linker(self, ctx: BuildContext, line: tuple[str, ...], first: str) -> Vm:
        ready = await self.load(ctx)
        async with self._linking:
            if line not in self._linkers:
                start: list[Command] = [Wasi(line, preopens=commands.PREOPENS), Invoke(0, "_start")]
                self._linkers[line] = await self._hypervisor.make_snapshot(
                    [*_LOAD, Defer(first), *start],
                    code=ready.code,
                    layers=ready.layers,
                    limits=LIMITS,
                    name="wasm-ld",
                    until_deferred=True,
                )
                while len(self._linkers) > _KEPT_LINKERS:
                    _, old = self._linkers.popitem(last=False)
                    self._hypervisor.discard(old)
            self._linkers.move_to_end(line)
            return await self._hypervisor.acquire(self._linkers[line])


_LOAD: tuple[Command, ...] = (
    _QUOTA,
    Mount("/usr", 0, abi.MOUNT_LAYER),
    Mount(commands.HOME, None, abi.MOUNT_LAYER),
    Mount("/tmp", None, abi.MOUNT_TMP),  # noqa: S108 - in the guest
    Load(0),
    Wasi(("clang",), preopens=commands.PREOPENS),
    Instantiate(0),
    FillTables(0),
)


def _warmup(line: Sequence[str]) -> Warmup:
    return Warmup(
        (
            PutFile(f"{commands.HOME}/hello.c", 0),
            Wasi(tuple(line), preopens=commands.PREOPENS),
            Invoke(0, "_start"),
            ReadFile(commands.OBJECT, 0, _PIECE),
        ),
        layers=(Layer.from_bytes(_HELLO),),
    )


def _give(files: Sequence[File], home: Layer | None) -> tuple[list[Command], list[Layer]]:
    """The commands that put files in place, ``/home`` before what lies in it."""
    layers = [Layer.from_bytes(file.data) for file in files]
    given: list[Command] = [PutFile(file.path, number) for number, file in enumerate(files)]
    if home is not None:
        given.insert(0, Mount(commands.HOME, len(layers), abi.MOUNT_LAYER))
        layers.append(home)
    return given, layers


async def _use(
    vm: Vm, given: Sequence[Command], at: int, layers: Sequence[Layer], results: Sequence[str]
) -> Ran:
    """Run to the end; ``at``: which reply is that of the tool."""
    said = bytearray()

    def on_output(stream: int, data: bytes) -> None:
        said.extend(data)

    reads: list[Command] = [ReadFile(path, 0, _PIECE) for path in results]
    async with vm:
        try:
            replies = await vm.run(
                [*given, *reads], layers=layers, limits=LIMITS, on_output=on_output
            )
        except TimedOut:
            raise BuildError(
                f"the compiler took more than {LIMITS.wall:g} s",
                hint="a macro or an #include that does not end?",
            ) from None
        except OutputLimitExceeded:
            raise BuildError(
                "the compiler wrote more than 1 MiB of diagnostics", diagnostics=_text(said)
            ) from None
        if len(replies) <= at:
            raise _refused(replies)
        end = replies[at]
        if isinstance(end, Ok) or (isinstance(end, Exited) and end.code == 0):
            read = replies[at + 1 :] or await vm.run(reads)
            files = [
                await _rest(vm, path, reply) for path, reply in zip(results, read, strict=False)
            ]
            if len(files) == len(results):
                return Ran(True, bytes(said), tuple(files))
            raise BuildError("the compiler left no result", diagnostics=_text(said))
        await _check_end(vm, end, said)
        return Ran(False, bytes(said))


async def _check_end(vm: Vm, end: Reply, said: bytearray) -> None:
    """Return where the tool refused its input; raise BuildError where it failed itself."""
    used = (await vm.run([Usage()]))[-1]
    if isinstance(used, Ok) and len(used.counters) == 3 and used.counters[2]:
        raise BuildError(
            f"the compiler needed more than {LIMITS.memory // MIB} MiB of memory",
            diagnostics=_text(said),
            hint="a file or a macro that grows without end? a very large array?",
        )
    if isinstance(end, Exited) and end.code == 1:
        return
    how = end.message if isinstance(end, Trapped | Failed) else f"exit code {end.code}"  # type: ignore[union-attr]
    raise BuildError(
        f"the compiler crashed on this source: {how}",
        diagnostics=_text(said),
        hint="a defect of clang; its VM is gone, nothing else happened",
    )


def _refused(replies: Sequence[Reply]) -> HypercellError:
    last = replies[-1] if replies else None
    if isinstance(last, Failed):
        return BuildError(f"the compiler's VM could not take the files: {last.message}")
    return ProtocolViolation("the compiler's VM did not run its commands")


async def _rest(vm: Vm, path: str, reply: Reply) -> bytes:
    """A whole file, the first piece of which is there."""
    if not isinstance(reply, Ok):
        raise BuildError(f"the compiler left no {path}")
    size, pieces, total = reply.size, [reply.data], len(reply.data)
    if size > _MAX_RESULT:
        raise BuildError(f"the result of {size} bytes is larger than {_MAX_RESULT}")
    while total < size:
        more = (await vm.run([ReadFile(path, total, _PIECE)]))[-1]
        if not isinstance(more, Ok) or not more.data:
            raise ProtocolViolation("a file became shorter while it was read")
        pieces.append(more.data)
        total += len(more.data)
    return b"".join(pieces)[:size]


def _text(said: bytearray) -> str:
    return bytes(said[: 64 << 10]).decode("utf-8", "replace")
