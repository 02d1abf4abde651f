"""Targets: what a worker, compiler or fork server that was taken over sends."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

import msgspec
from target import Target

from hypercell.vmm import abi, channel, delta, messages
from hypercell.vmm.arenas import ArenaRecords
from hypercell.vmm.commands import Exited, Failed, Trapped
from hypercell.vmm.cpu_state import XSAVE_SIZE, Registers
from hypercell.vmm.delta import DeltaState
from hypercell.vmm.errors import HypercellError, ProtocolViolation, WorkerLost
from hypercell.vmm.outcome import Frame, Usage, ValType
from hypercell.vmm.page_tables import FIRST_FREE_TABLE
from hypercell.vmm.program import ExportType, ImportType
from hypercell.vmm.snapshot import SnapshotState
from hypercell.vmm.windows import Mapped

_encode = msgspec.msgpack.encode
_DECODING = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)  # as in channel.py


def _decoded(data: bytes, accept: Any) -> Any:
    """As a channel does it, without the socket."""
    try:
        return msgspec.msgpack.decode(data, type=accept)
    except _DECODING as error:
        raise ProtocolViolation(str(error)) from None


def _from_worker(data: bytes) -> None:
    message = _decoded(data, messages.FromWorker)
    if isinstance(message, messages.Done | messages.Snapped):
        for reply in message.replies:
            messages.unpack_reply(reply)
    elif isinstance(message, messages.Raised):
        error = messages.unpack_error(message)
        assert isinstance(error, HypercellError)
        assert len(str(error)) < 3 * messages.MAX_TEXT


def _from_compiler(data: bytes) -> None:
    message = _decoded(data, messages.FromCompiler)
    if isinstance(message, messages.Raised):
        messages.unpack_error(message)


def _from_server(data: bytes) -> None:
    message = _decoded(data, messages.FromServer)
    if isinstance(message, messages.Ready) and message.error is not None:
        messages.unpack_error(message.error)


def _to_worker(data: bytes) -> None:
    """The worker does not trust what the kernel process sends on for another worker either."""
    message = _decoded(data, messages.ToWorker)
    if isinstance(message, messages.Job):
        for command in message.commands:
            messages.unpack_command(command)


def _state(data: bytes) -> None:
    state = SnapshotState.unpack(data)
    assert all(0 <= number < 1 << 64 for number in msgspec.structs.astuple(state.registers))
    assert len(state.xsave) == XSAVE_SIZE
    assert state.next_table <= abi.TABLES_BASE + abi.TABLES_SIZE
    assert all(key >= 0 for key in state.arenas.blocks)


def _packets(data: bytes) -> None:
    """Packets {flags, length, bytes}: how a message is cut; bit 7: a descriptor goes along."""
    ours, theirs = channel.pair()
    receiver: channel.Channel[Any] = channel.Channel(ours, messages.FromWorker, max_message=4096)
    null = os.open(os.devnull, os.O_RDONLY)
    before = len(os.listdir("/proc/self/fd"))
    try:
        at = count = 0
        while at + 3 <= len(data) and count < 40:
            flags, length = data[at], int.from_bytes(data[at + 1 : at + 3], "little")
            packet = bytes([flags & 1]) + data[at + 3 : at + 3 + length]
            sent = [null] if flags & 0x80 else []
            socket.send_fds(theirs, [packet if flags & 2 else packet[1:] or b"\0"], sent)
            at, count = at + 3 + length, count + 1
        theirs.close()
        with contextlib.suppress(WorkerLost):
            while True:
                _, descriptors = receiver.receive()
                channel.close_all(descriptors)
    finally:
        receiver.close()
        theirs.close()
        assert len(os.listdir("/proc/self/fd")) == before - 2
        os.close(null)


def _cut(*packets: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([f]) + len(p).to_bytes(2, "little") + p for f, p in packets)


_ERROR = messages.Raised("SystemCallFailed", "why", "hint", {"call": "mmap", "errno": 12})
_FRAMES = (Frame("m", 1, "f", 7),)
_OK = messages.WireOk(0, ((ValType.I32, bytes(16)),), b"data", 1, (1, 2, 3), "text")
_DONE = messages.Done(
    (_OK, Trapped(1, "why", _FRAMES), Exited(3), Failed(abi.ST_ERROR, "no")), Usage(), ((1, b"x"),)
)
_STATE = SnapshotState(
    Registers(rip=abi.IMAGE),
    bytes(XSAVE_SIZE),
    ArenaRecords((abi.PAGE,) + (0,) * (abi.ARENA_COUNT - 1), {0: 0}, 1),
    FIRST_FREE_TABLE,
    (Mapped(0, 4096),),
    (),
    8,
    False,
    ((32, 48), (512, 1024)),
    ((0, abi.HUGE),),
)
_JOB = messages.Job((), (1,), (2,), messages.Limits(), snapshot=True)
_PARKED = _encode(messages.Parked())
_DELTA = DeltaState(Registers(), bytes(XSAVE_SIZE), (0,) * abi.ARENA_COUNT, (0, abi.HUGE), 8)
_INDEX = delta.pack_index([delta.Stretch(32, 34, 0, 0)])
_ORDERS = (
    _JOB,
    messages.Park(_encode(_STATE), warm=_JOB),
    messages.Cancel(),
    messages.Adopt(_DELTA, _INDEX, 1),
    messages.Touch(),
    messages.Keep(),
)

TARGETS = (
    Target(
        "worker_messages",
        _from_worker,
        [
            *map(
                _encode,
                (
                    _DONE,
                    _ERROR,
                    messages.Parked(),
                    messages.StdinWanted(9),
                    messages.Output(((1, b"hello"),)),
                    messages.Snapped(_encode(_STATE), (_OK,)),
                    messages.Kept(_DELTA, delta.pack_runs([(32, 34)])),
                ),
            )
        ],
    ),
    Target(
        "compiler_messages",
        _from_compiler,
        [
            *map(
                _encode,
                (
                    _ERROR,
                    messages.Compiled(
                        (ExportType("f", "func", ("i32",), ("i64",)),),
                        (ImportType("a", "b", "func"),),
                    ),
                    messages.Symbolized((("a.c", 3), None)),
                ),
            )
        ],
    ),
    Target(
        "fork_server_messages",
        _from_server,
        [
            *map(
                _encode,
                (
                    messages.Ready(_ERROR, {"seccomp": "no"}),
                    messages.Forked(1, 2, "why"),
                    messages.Ended(1, -9),
                ),
            )
        ],
    ),
    Target(
        "worker_orders",
        _to_worker,
        [*map(_encode, _ORDERS)],
    ),
    Target("snapshot_state", _state, [_encode(_STATE)]),
    Target(
        "packets",
        _packets,
        [
            _cut((2, _PARKED)),
            _cut((3, _PARKED[:3]), (2, _PARKED[3:])),
            _cut((0x82, _PARKED), (0x83, b"x"), (0, b"\1")),
        ],
    ),
)
