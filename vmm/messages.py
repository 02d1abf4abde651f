"""Every message between our processes, typed; ``channel.py`` carries them.

Values are as wide as a v128, more than msgpack's integers: here they travel as 16 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hypercell.vmm import commands as c
from hypercell.vmm import errors
from hypercell.vmm.commands import Command, Reply
from hypercell.vmm.delta import DeltaState
from hypercell.vmm.outcome import Usage, ValType, Value
from hypercell.vmm.program import ExportType, ImportType, Limits
from hypercell.vmm.runs import Run

MAX_TEXT = 0x4000  # characters of an error message
_BITS = 16


# --- kernel process <-> fork server (zygote, compiler) ---
class Held(msgspec.Struct, frozen=True):
    """A file that the zygote keeps in huge pages for the workers it forks."""

    key: str
    size: int
    code: bool


class Fork(msgspec.Struct, frozen=True, tag=True):
    """Fork a child; its socket travels with the message, then the files that it will need.

    ``state``: of the snapshot that the child will be told of; it inherits what the server learnt.
    """

    number: int
    held: tuple[Held, ...] = ()
    state: bytes = b""


class Release(msgspec.Struct, frozen=True, tag=True):
    """Let go of files."""

    keys: tuple[str, ...]


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The server is up, or says why not. ``missing``: layers of its jail, and why."""

    error: Raised | None = None
    missing: dict[str, str] = {}


class Forked(msgspec.Struct, frozen=True, tag=True):
    """The child runs; its pidfd travels with the message. ``problem``: it does not."""

    number: int
    pid: int
    problem: str = ""


class Ended(msgspec.Struct, frozen=True, tag=True):
    """A child is gone. ``status``: exit code, or minus the signal."""

    number: int
    status: int


ToServer = Fork | Release
FromServer = Ready | Forked | Ended


# --- kernel process <-> compile child ---
class Compile(msgspec.Struct, frozen=True, tag=True):
    """Compile the module in the descriptor. Sizes in bytes."""

    text: bool
    memory: int
    cpu: int
    output: int


class Symbolize(msgspec.Struct, frozen=True, tag=True):
    """Find source lines for offsets in the module in the descriptor."""

    offsets: tuple[int, ...]
    memory: int
    cpu: int


class Compiled(msgspec.Struct, frozen=True, tag=True):
    """The ``.cwasm`` is in the descriptor."""

    exports: tuple[ExportType, ...]
    imports: tuple[ImportType, ...]
    component: bool = False


class Symbolized(msgspec.Struct, frozen=True, tag=True):
    """File and line for each offset, where known."""

    places: tuple[tuple[str, int] | None, ...]


class Raised(msgspec.Struct, frozen=True, tag=True):
    """An error of the tree. ``fields``: its own attributes."""

    name: str
    message: str
    hint: str = ""
    fields: dict[str, int | str] = {}


ToCompiler = Compile | Symbolize
FromCompiler = Compiled | Symbolized | Raised


# --- kernel process <-> worker ---
class Boot(msgspec.Struct, frozen=True, tag=True):
    """Boot the image in the descriptor and report its snapshot."""


class Park(msgspec.Struct, frozen=True, tag=True):
    """Fork the snapshot in the first descriptor; then come its files.

    ``code`` and ``layers`` of the snapshot: the keys of what the zygote holds, "" for a descriptor
    that travels here. ``suspended``: what stands at a deferred file. ``eager``: copy all of the
    snapshot into huge pages now, else page by page. ``warm``: a job to run and undo, its
    descriptors last. ``sessions``: ``Adopt`` may come; ``unhurried``: there is time to get ready
    for it.
    """

    state: bytes
    code: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    suspended: tuple[WireCommand, ...] = ()
    eager: bool = False
    warm: Job | None = None
    sessions: bool = False
    unhurried: bool = False


class Adopt(msgspec.Struct, frozen=True, tag=True):
    """Make the parked VM a session's: see ``delta``. Descriptors: ``pieces``, then layers, then, if
    there is ``memory``, the session's memory file; ``hot``: units of memory that belong there.
    ``full``: ``Keep`` wants all that the runtime has not, else what was not there before.
    """

    state: DeltaState
    index: bytes
    pieces: int
    memory: bool = False
    hot: tuple[Run, ...] = ()
    full: bool = False


class Touch(msgspec.Struct, frozen=True, tag=True):
    """Have the guest of an adopted VM touch what it has, before its job comes."""


class Keep(msgspec.Struct, frozen=True, tag=True):
    """Report what the VM's memory has that it had not."""


class Job(msgspec.Struct, frozen=True, tag=True):
    """Run commands. Descriptors: code, then layers; here are their sizes in bytes."""

    commands: tuple[WireCommand, ...]
    code: tuple[int, ...]
    layers: tuple[int, ...]
    limits: Limits
    interactive: bool = False  # stdin may be asked for
    snapshot: bool = False  # take one at the end, or at a deferred file
    until_deferred: bool = False
    keep: bool = False  # a later job may take a snapshot
    hurry: bool = False  # what it will hold is looked for at once, beside the reply
    passing: int = 0  # so many layers, the last ones, are no part of what is kept


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """End the running job."""


class StdinData(msgspec.Struct, frozen=True, tag=True):
    """The answer to StdinWanted; empty is end of file."""

    data: bytes


class Parked(msgspec.Struct, frozen=True, tag=True):
    """The VM waits for a job. ``hot``: the 2 MiB units that the warm-up of a session's VM wrote
    much of.
    """

    hot: tuple[Run, ...] = ()


class Output(msgspec.Struct, frozen=True, tag=True):
    """What the guest wrote, in order: (stream, bytes)."""

    chunks: tuple[tuple[int, bytes], ...]


class StdinWanted(msgspec.Struct, frozen=True, tag=True):
    """The guest waits for at most ``limit`` bytes of input."""

    limit: int


class Done(msgspec.Struct, frozen=True, tag=True):
    """The job ended. ``output``: the last of it."""

    replies: tuple[WireReply, ...]
    usage: Usage
    output: tuple[tuple[int, bytes], ...] = ()


class Kept(msgspec.Struct, frozen=True, tag=True):
    """The answer to Keep: a sealed piece with the pages ``runs`` travels with the message."""

    state: DeltaState
    runs: bytes


class Snapped(msgspec.Struct, frozen=True, tag=True):
    """A snapshot: its memory file travels with the message."""

    state: bytes
    replies: tuple[WireReply, ...] = ()


# --- values: 16 bytes each ---
WireValue = tuple[ValType, bytes]


class WireInvoke(msgspec.Struct, frozen=True, tag="Invoke"):
    """``commands.Invoke`` on its way."""

    instance: int
    export: str
    args: tuple[WireValue, ...]


class WireGlobalSet(msgspec.Struct, frozen=True, tag="GlobalSet"):
    """``commands.GlobalSet`` on its way."""

    instance: int
    export: str
    value: WireValue


class WireOk(msgspec.Struct, frozen=True, tag="Ok"):
    """``commands.Ok`` on its way."""

    number: int
    values: tuple[WireValue, ...]
    data: bytes
    size: int
    counters: tuple[int, ...]
    text: str = ""


WireCommand = (
    WireInvoke
    | WireGlobalSet
    | c.Load
    | c.Wasi
    | c.Instantiate
    | c.Call
    | c.GlobalGet
    | c.MemoryRead
    | c.MemoryWrite
    | c.Register
    | c.Mount
    | c.Defer
    | c.PutFile
    | c.ReadFile
    | c.Export
    | c.Quota
    | c.FillTables
    | c.Usage
)
WireReply = WireOk | c.Trapped | c.Exited | c.Failed
ToWorker = Boot | Park | Adopt | Touch | Job | Keep | Cancel | StdinData
FromWorker = Parked | Output | StdinWanted | Done | Kept | Snapped | Raised


def _pack(value: Value) -> WireValue:
    return value.type, value.bits.to_bytes(_BITS, "little")


def _unpack(value: WireValue) -> Value:
    if len(value[1]) != _BITS:
        raise errors.ProtocolViolation(f"a value has {len(value[1])} bytes instead of {_BITS}")
    return Value(value[0], int.from_bytes(value[1], "little"))


def pack_commands(commands: Iterable[Command]) -> tuple[WireCommand, ...]:
    """Commands as they travel. A value that is negative or too wide raises ``InvokeError``."""
    try:
        return tuple(map(_pack_command, commands))
    except OverflowError as error:
        raise errors.InvokeError(f"a value does not fit into {_BITS} bytes: {error}") from None


def _pack_command(command: Command) -> WireCommand:
    if isinstance(command, c.Invoke):
        return WireInvoke(command.instance, command.export, tuple(map(_pack, command.args)))
    if isinstance(command, c.GlobalSet):
        return WireGlobalSet(command.instance, command.export, _pack(command.value))
    return command


def unpack_command(command: WireCommand) -> Command:
    """The command that travelled."""
    if isinstance(command, WireInvoke):
        return c.Invoke(command.instance, command.export, tuple(map(_unpack, command.args)))
    if isinstance(command, WireGlobalSet):
        return c.GlobalSet(command.instance, command.export, _unpack(command.value))
    return command


def pack_reply(reply: Reply) -> WireReply:
    """A reply as it travels."""
    if isinstance(reply, c.Ok):
        values = tuple(map(_pack, reply.values))
        return WireOk(reply.number, values, reply.data, reply.size, reply.counters, reply.text)
    return reply


def unpack_reply(reply: WireReply) -> Reply:
    """The reply that travelled."""
    if isinstance(reply, WireOk):
        values = tuple(map(_unpack, reply.values))
        return c.Ok(reply.number, values, reply.data, reply.size, reply.counters, reply.text)
    return reply


# --- errors ---
_FIELDS: dict[str, tuple[type[errors.HypercellError], dict[str, type]]] = {
    "HypercellError": (errors.HypercellError, {}),
    "HostError": (errors.HostError, {}),
    "KvmUnavailable": (errors.KvmUnavailable, {}),
    "ImageMissing": (errors.ImageMissing, {}),
    "LinkError": (errors.LinkError, {}),
    "InvokeError": (errors.InvokeError, {}),
    "TimedOut": (errors.TimedOut, {}),
    "Interrupted": (errors.Interrupted, {}),
    "MemoryLimitExceeded": (errors.MemoryLimitExceeded, {}),
    "OutputLimitExceeded": (errors.OutputLimitExceeded, {}),
    "HomeLimitExceeded": (errors.HomeLimitExceeded, {}),
    "GuestPanic": (errors.GuestPanic, {}),
    "ProtocolViolation": (errors.ProtocolViolation, {}),
    "WorkerLost": (errors.WorkerLost, {}),
    "InvalidModule": (errors.InvalidModule, {}),
    "CompileLimitExceeded": (errors.CompileLimitExceeded, {}),
    "SystemCallFailed": (errors.SystemCallFailed, {"call": str, "errno": int}),
    "GuestCrash": (
        errors.GuestCrash,
        {"vector": int, "error": int, "rip": int, "address": int},
    ),
}


def pack_error(error: errors.HypercellError) -> Raised:
    """An error as it travels; a class that may not travel becomes its root."""
    name = type(error).__name__
    known = _FIELDS.get(name)
    if known is None:
        return Raised("HypercellError", f"{name}: {error.message}"[:MAX_TEXT], error.hint)
    fields = {field: getattr(error, field) for field in known[1]}
    return Raised(name, error.message[:MAX_TEXT], error.hint[:MAX_TEXT], fields)


def unpack_error(raised: Raised) -> errors.HypercellError:
    """The error that travelled; only classes and attributes of the table are made."""
    kind, fields = _FIELDS.get(raised.name, (None, {}))
    given = raised.fields
    if kind is None or set(given) != set(fields):
        return errors.ProtocolViolation(f"a process reported an unknown error {raised.name[:80]!r}")
    if any(type(given[name]) is not expected for name, expected in fields.items()):
        return errors.ProtocolViolation(f"a process reported a malformed {raised.name}")
    message, hint = raised.message[:MAX_TEXT], raised.hint[:MAX_TEXT]
    made: errors.HypercellError = kind(message=message, hint=hint, **given)
    return made
