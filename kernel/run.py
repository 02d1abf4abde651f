"""Runs a program in a VM: the commands of a cell, and what their replies mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel import calls
from hypercell.kernel.languages.base import Mode, Program
from hypercell.kernel.options import Invocation
from hypercell.kernel.result import OnEvent, OnStdin, Shown, Stream
from hypercell.kernel.sizes import format_size
from hypercell.kernel.traceback_text import summary
from hypercell.vmm import abi
from hypercell.vmm import commands as c
from hypercell.vmm.errors import (
    ExitStatus,
    GuestError,
    HomeLimitExceeded,
    HypercellError,
    InvokeError,
    LinkError,
    MemoryLimitExceeded,
    ProtocolViolation,
    Trap,
)
from hypercell.vmm.outcome import Usage, Value
from hypercell.vmm.program import Limits

if TYPE_CHECKING:
    from hypercell.vmm import Layer, Vm

HOME = "/home"
TMP = "/tmp"  # noqa: S108 (a path of the guest)


class Writable(msgspec.Struct, frozen=True):
    """A layer that the program may change: where it is mounted, and the names it is opened by."""

    mount: str
    layer: Layer
    preopens: tuple[str, ...]


_STREAMS = {abi.STDOUT: "stdout", abi.STDERR: "stderr"}
_INITIALIZE = "_initialize"


async def run_program(
    vm: Vm,
    program: Program,
    *,
    home: Layer | None,
    limits: Limits,
    on_event: OnEvent,
    on_stdin: OnStdin | None = None,
    grants: Sequence[Layer] = (),
    directories: Sequence[str] = (),
    writable: Sequence[Writable] = (),
) -> bytes:
    """Run ``program`` to its end in a fresh VM: the tar of what it changed under ``/home``.

    Raises the CellError that ended it, or GuestError. ``vm.usage`` tells what it used.

    ``grants``: layers that the owner granted, and the ``directories`` in them to open.
    ``writable``: mounts to change, outer ones first; ``vm.export`` tells afterwards what changed.
    """
    below = [*program.layers, *grants]
    layers = below if home is None else [*below, home]
    mounts = [
        *(c.Mount("/", index, abi.MOUNT_LAYER) for index in range(len(below))),
        c.Mount(HOME, None if home is None else len(below), abi.MOUNT_HOME),
        c.Mount(TMP, None, abi.MOUNT_TMP),
        *writable_mounts(writable, len(layers)),
    ]
    names_of = [name for one in writable for name in one.preopens]
    preopens = [HOME, TMP, *directories, *names_of]
    if not any(name.endswith(("::.", "::/")) for name in names_of):
        preopens.append(f"{HOME}::.")  # where relative paths begin
    wasi = c.Wasi(program.args, program.env, tuple(preopens), on_stdin is not None)
    commands, names = _commands(program, [quota(limits), *mounts], wasi)

    def on_output(stream: int, data: bytes) -> None:
        if stream in _STREAMS:  # display records are for languages that know them
            on_event(Stream(_STREAMS[stream], data))

    replies = await vm.run(
        commands,
        code=[program.code],
        layers=[*layers, *(one.layer for one in writable)],
        limits=limits,
        on_output=on_output,
        on_stdin=on_stdin,
    )
    _show_calls(program, commands, replies, names, on_event)
    last = replies[-1]
    if not isinstance(last, c.Ok):
        check_end(commands[len(replies) - 1], last, limits, vm.usage)
    return await vm.export_home() or b""


def quota(limits: Limits) -> c.Quota:
    """The command that sets the limits of the file system."""
    return c.Quota(
        limits.home_bytes,
        limits.home_files,
        limits.tmp_bytes,
        limits.tmp_files,
        limits.dir_bytes,
        limits.dir_files,
    )


def writable_mounts(writable: Sequence[Writable], first: int) -> list[c.Mount]:
    """The commands that mount them; their layers are those of a job from ``first`` on."""
    return [
        c.Mount(one.mount, first + number, abi.MOUNT_WRITABLE)
        for number, one in enumerate(writable)
    ]


def _commands(
    program: Program, mounts: Sequence[c.Command], wasi: c.Wasi
) -> tuple[list[c.Command], list[Invocation | None]]:
    """The batch, and for each of its commands the invocation that it is."""
    commands: list[c.Command] = [
        *mounts,
        c.Load(0, program.code.component),
        wasi,
        c.Instantiate(0),
    ]
    names: list[Invocation | None] = [None] * len(commands)

    def invoke(name: str, args: tuple[Value, ...], call: Invocation | None) -> None:
        commands.append(c.Invoke(0, name, args))
        names.append(call)

    exports = program.code.exports
    if program.mode is Mode.COMMAND:
        commands.append(c.start(component=program.code.component))
        names.append(None)
    elif program.code.component:
        for call in program.invocations:
            texts = calls.text_arguments(calls.find_function(exports, call.export), call)
            commands.append(c.Call(0, call.export, texts))
            names.append(call)
    else:
        typed = [
            calls.typed_arguments(calls.find_function(exports, call.export), call)
            for call in program.invocations
        ]
        if any(export.name == _INITIALIZE and export.kind == "func" for export in exports):
            invoke(_INITIALIZE, (), None)  # a WASI reactor sets itself up there
        for call, values in zip(program.invocations, typed, strict=True):
            invoke(call.export, values, call)
    commands.append(c.Export())  # its first piece, in the same round trip
    return commands, [*names, None]


def _show_calls(
    program: Program,
    commands: Sequence[c.Command],
    replies: Sequence[c.Reply],
    names: Sequence[Invocation | None],
    on_event: OnEvent,
) -> None:
    """The results of the calls that returned, whatever came after."""
    lines = [
        calls.text_line(call, reply)
        if isinstance(command, c.Call)
        else calls.call_line(call, reply.values)
        for command, reply, call in zip(commands, replies, names, strict=False)
        if call is not None and isinstance(reply, c.Ok)
    ]
    if lines:
        on_event(Shown("\n".join(lines)))


def check_end(command: c.Command, reply: c.Reply, limits: Limits, usage: Usage) -> None:
    """Return for ``exit(0)``; else raise what the reply means."""
    if isinstance(reply, c.Exited) and reply.code == 0:
        return
    error = _error(command, reply)
    refused = usage.refused_grows
    if refused and isinstance(error, Trap | ExitStatus):
        raise MemoryLimitExceeded(
            f"the program needed more than {format_size(limits.memory)} of memory: "
            f"{refused} request{'s' * (refused != 1)} for more refused, then {_then(error)}",
            hint="use less, check what malloc returns, or give it more with --mem",
        ) from error
    raise error


def _then(error: Trap | ExitStatus) -> str:
    return f"exit code {error.code}" if isinstance(error, ExitStatus) else summary(error)


def _error(command: c.Command, reply: c.Reply) -> HypercellError:
    if isinstance(reply, c.Trapped):
        return Trap(reply.message, code=reply.code, frames=reply.frames)
    if isinstance(reply, c.Exited):
        return ExitStatus(f"the program ended with exit code {reply.code}", code=reply.code)
    if not isinstance(reply, c.Failed):
        return ProtocolViolation("a batch stopped at a command that went well")
    if reply.status == abi.ST_LINK:
        return LinkError(
            reply.message,
            hint="a module can import wasi_snapshot_preview1, a component the wasi:* of WASI 0.2",
        )
    if reply.status == abi.ST_REFUSED:
        if isinstance(command, c.Mount | c.PutFile | c.Export):
            return HomeLimitExceeded(reply.message, hint="delete files of /home: %files, %rm")
        return MemoryLimitExceeded(reply.message, hint="ask for less, or give it more with --mem")
    if isinstance(command, c.Invoke | c.Call):
        return InvokeError(reply.message)
    what = type(command).__name__.lower()
    return GuestError(f"the VM could not {what} what it was given: {reply.message}")
