"""One run of clang or wasm-ld in a VM: files in, output and results out, limits as build errors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel.errors import BuildError
from hypercell.kernel.languages.clang import commands
from hypercell.vmm import abi
from hypercell.vmm.commands import (
    Command,
    Exited,
    Failed,
    Mount,
    Ok,
    PutFile,
    ReadFile,
    Reply,
    Trapped,
    Usage,
)
from hypercell.vmm.errors import (
    HypercellError,
    OutputLimitExceeded,
    ProtocolViolation,
    TimedOut,
)
from hypercell.vmm.layer import Layer
from hypercell.vmm.program import MIB, Limits

if TYPE_CHECKING:
    from hypercell.vmm.vm import Vm

LIMITS = Limits(memory=1024 * MIB, wall=30.0, output=MIB, tmp_bytes=128 * MIB, tmp_files=64)
# Freeing a VM and making the next one would take the processor from what the cell still needs.
_CLOSE_AFTER = 0.1  # seconds
_PIECE = 0x8_0000  # bytes of a result read at once
_MAX_RESULT = LIMITS.tmp_bytes
# Its stack lies below its data: what goes past its end leaves the memory.
_STACK_ENDS = (abi.TRAP_STACK_OVERFLOW, abi.TRAP_MEMORY_OUT_OF_BOUNDS)


class File(msgspec.Struct, frozen=True):
    """A file for a tool: an absolute path in the guest, and its bytes."""

    path: str
    data: bytes


class Ran(msgspec.Struct, frozen=True):
    """How a tool ended. ``results``: the files that were asked for, if it went well."""

    ok: bool
    text: bytes
    results: tuple[bytes, ...] = ()


def give(files: Sequence[File], home: Layer | None) -> tuple[list[Command], list[Layer]]:
    """The commands that put files in place, ``/home`` before what lies in it."""
    layers = [Layer.from_bytes(file.data) for file in files]
    given: list[Command] = [PutFile(file.path, number) for number, file in enumerate(files)]
    if home is not None:
        given.insert(0, Mount(commands.HOME, len(layers), abi.MOUNT_LAYER))
        layers.append(home)
    return given, layers


async def use(
    vm: Vm, given: Sequence[Command], at: int, layers: Sequence[Layer], results: Sequence[str]
) -> Ran:
    """Run to the end; ``at``: which reply is that of the tool."""
    said = bytearray()

    def on_output(stream: int, data: bytes) -> None:
        said.extend(data)

    reads: list[Command] = [ReadFile(path, 0, _PIECE) for path in results]
    closing = True
    try:
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
            read = list(replies[at + 1 :])
            while len(read) < len(results):  # after an exit, or after a file that is not there
                read += await vm.run(reads[len(read) :])
            files = [await _rest(vm, path, got) for path, got in zip(results, read, strict=False)]
            closing = False
            asyncio.get_running_loop().call_later(_CLOSE_AFTER, vm.close)
            return Ran(True, bytes(said), tuple(files))
        await _check_end(vm, end, said)
        return Ran(False, bytes(said))
    finally:
        if closing:
            vm.close()


async def _check_end(vm: Vm, end: Reply, said: bytearray) -> None:
    """Return where the tool refused its input; raise BuildError where it failed itself."""
    used = (await vm.run([Usage()]))[-1]
    refused = isinstance(used, Ok) and len(used.counters) == 3 and used.counters[2] > 0
    if refused or b"LLVM ERROR: out of memory" in said:
        raise BuildError(
            f"the compiler needed more than {LIMITS.memory // MIB} MiB of memory",
            diagnostics=_text(said),
            hint="a file or a macro that grows without end? a very large array?",
        )
    if isinstance(end, Exited) and end.code == 1:
        return
    if isinstance(end, Trapped) and end.code in _STACK_ENDS:
        raise BuildError(
            "the compiler came to the end of its stack",
            diagnostics=_text(said),
            hint="is something nested very deeply? (if not: a defect of clang)",
        )
    how = f"exit code {end.code}" if isinstance(end, Exited) else getattr(end, "message", "")
    raise BuildError(
        f"the compiler crashed on this source: {how}",
        diagnostics=_text(said),
        hint="a defect of clang; its VM is gone, nothing else happened",
    )


def _refused(replies: Sequence[Reply]) -> HypercellError:
    last = replies[-1]
    if isinstance(last, Failed):
        return BuildError(f"the compiler's VM could not take the files: {last.message}")
    return ProtocolViolation("the compiler's VM did not run its commands")


async def _rest(vm: Vm, path: str, reply: Reply) -> bytes:
    """A whole file, the first piece of which is there."""
    if not isinstance(reply, Ok):
        return b""  # the tool did not make it
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
