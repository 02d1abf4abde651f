"""Targets: what a guest writes and the worker process reads."""

from __future__ import annotations

import os

from target import Target

from hypercell.vmm import abi, codec, elf, memfd
from hypercell.vmm import commands as c
from hypercell.vmm.mailbox import Mailbox
from hypercell.vmm.outcome import ValType, Value
from hypercell.vmm.ring import OutputRing
from hypercell.vmm.wire import Writer

_COMMANDS: tuple[c.Command, ...] = (
    c.Load(0),
    c.Wasi(),
    c.Instantiate(0),
    c.Invoke(0, "f"),
    c.Call(0, "f"),
    c.GlobalGet(0, "g"),
    c.MemoryRead(0, "m", 0, 1),
    c.ReadFile("/x"),
    c.Export(),
    c.Usage(),
)


def _reply(data: bytes) -> None:
    """The first byte chooses commands, the rest is the reply area."""
    first = data[0] if data else 0
    commands = (_COMMANDS[first % len(_COMMANDS) :] + _COMMANDS)[: 1 + first // 32]
    replies = codec.decode(commands, data[1:])
    assert 1 <= len(replies) <= len(commands)
    assert all(isinstance(reply, c.Ok) for reply in replies[:-1])


def _answers(*answers: tuple[int, bytes]) -> bytes:
    writer = Writer()
    for status, body in answers:
        writer.u32(status).bytes(body)
    return writer.done()


_VALUE = Writer().u32(1).u32(abi.VAL_I32).u64(7).u64(0).done()
_FRAME = Writer().str("m").u32(1).str("f").u64(99).done()
_REPLIES = (
    b"\x00" + _answers((abi.ST_OK, b"\0\0\0\0")),
    b"\x03" + _answers((abi.ST_OK, _VALUE)),
    b"\x04" + _answers((abi.ST_OK, Writer().u32(1).str("text").done())),
    b"\x08" + _answers((abi.ST_OK, Writer().u32(1).bytes(b"tar").done())),
    b"\x03" + _answers((abi.ST_TRAP, Writer().u32(1).str("why").u32(1).done() + _FRAME)),
    b"\x03" + _answers((abi.ST_EXIT, b"\3\0\0\0")),
    b"\xe0" + _answers((abi.ST_OK, b"\0\0\0\0"), (abi.ST_OK, b""), (abi.ST_ERROR, b"\1\0\0\0x")),
)

_SIZE = max(abi.RING, abi.RING_HEADER, abi.MAILBOX, abi.REPLY_AREA, abi.COMMAND_AREA) + (1 << 22)
_shared = memoryview(bytearray(_SIZE))


def _ring(data: bytes) -> None:
    """Pieces {flags, head, where, length, bytes}: the guest's writes between the host's reads."""
    position = int.from_bytes(data[:4], "little") * 8
    ring = OutputRing(_shared, position)
    _shared[abi.RING : abi.RING + abi.RING_SIZE] = bytes(abi.RING_SIZE)
    at, taken = 4, 0
    while at + 8 <= len(data) and at < 512:
        flags, head, where, length = data[at], data[at + 1 : at + 4], data[at + 4], data[at + 5]
        piece = data[at + 8 : at + 8 + length]
        start = (position + where * 4) % abi.RING_SIZE
        room = min(len(piece), abi.RING_SIZE - start)
        _shared[abi.RING + start : abi.RING + start + room] = piece[:room]
        new_head = position + int.from_bytes(head, "little")
        if flags & 2:
            new_head = int.from_bytes(data[at : at + 8], "little")
        _shared[abi.RING_HEADER : abi.RING_HEADER + 8] = new_head.to_bytes(8, "little")
        for stream, payload in ring.drain(interrupted=bool(flags & 1)):
            assert stream in (abi.STDOUT, abi.STDERR, abi.STREAM_DISPLAY)
            assert len(payload) <= abi.RECORD_MAX
            taken += len(payload)
        assert taken <= len(data) * abi.RING_SIZE
        at += 8 + length


def _record(stream: int, text: bytes) -> bytes:
    header = stream.to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return header + text + bytes(-len(text) % 8)


def _write(flags: int, head: int, record: bytes) -> bytes:
    return bytes([flags]) + head.to_bytes(3, "little") + bytes([0, len(record), 0, 0]) + record


_HELLO = _record(1, b"hello")
_RINGS = (
    bytes(4) + _write(0, len(_HELLO), _HELLO),
    bytes(4) + _write(1, len(_HELLO), _HELLO) + _write(0, 24, _record(1, b"hello and more")),
    b"\xff\xff\xff\x00" + _write(0, len(_HELLO), _HELLO),
)


def _mailbox(data: bytes) -> None:
    mailbox = Mailbox(_shared)
    _shared[abi.MAILBOX : abi.MAILBOX + min(len(data), abi.PAGE)] = data[: abi.PAGE]
    call = mailbox.read_call()
    assert all(0 <= number < 1 << 64 for number in (call.op, *call.args))
    assert len(mailbox.read_reply(min(call.args[0], abi.REPLY_AREA_SIZE))) <= abi.REPLY_AREA_SIZE


def _cwasm(data: bytes) -> None:
    fd = memfd.of_bytes(data or b"\0", "code")
    try:
        offset, size = elf.find_text(fd, len(data))
        assert offset % abi.PAGE == 0
        assert size % abi.PAGE == 0
        assert offset + size < len(data) + abi.PAGE
    finally:
        os.close(fd)


def _compiled() -> bytes:
    import wasmtime

    from hypercell.vmm import engine_config

    text = '(module (memory 1) (func (export "f") (result i32) (i32.const 1)))'
    return bytes(wasmtime.Module(engine_config.engine(), text).serialize())


def _values(data: bytes) -> None:
    """Values in a batch: what does not fit is an error of the caller."""
    kinds = list(ValType)
    value = Value(kinds[data[0] % len(kinds)] if data else kinds[0], int.from_bytes(data, "little"))
    codec.encode([c.Invoke(0, "f", (value,))])


TARGETS = (
    Target("replies", _reply, _REPLIES),
    Target("ring", _ring, _RINGS),
    Target("mailbox", _mailbox, (bytes(64), b"\xff" * 64)),
    Target("cwasm_header", _cwasm, (_compiled(),)),
    Target("values", _values, (b"\0\1", b"\4" + b"\xff" * 15)),
)
