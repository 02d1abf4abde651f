"""The codec: every command has one encoding, and no reply bytes can do harm."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.vmm import abi, codec
from hypercell.vmm import commands as c
from hypercell.vmm.errors import InvokeError, ProtocolViolation
from hypercell.vmm.outcome import Frame, ValType, Value
from hypercell.vmm.wire import Writer

ALL = (
    c.Load(0),
    c.Wasi(("a",), (("K", "v"),), ("/",), True),
    c.Instantiate(0, "m"),
    c.Invoke(0, "f", (Value(ValType.I32, 7),)),
    c.Call(0, "a:b/c#d", ("x", "ü")),
    c.GlobalGet(0, "g"),
    c.GlobalSet(0, "g", Value(ValType.V128, (1 << 128) - 1)),
    c.MemoryRead(0, "memory", 8, 16),
    c.MemoryWrite(0, "memory", 8, b"xy"),
    c.Register(0, "n"),
    c.Mount("/usr", 0, abi.MOUNT_LAYER),
    c.Mount("/scratch", None, abi.MOUNT_TMP),
    c.Defer("/home/a.c"),
    c.PutFile("/home/a.c", 0),
    c.ReadFile("/home/a.o"),
    c.Export(),
    c.Quota(1, 2, 3, 4),
    c.FillTables(0),
    c.Usage(),
)
CODE = ((abi.CODE_BASE, 0x5000),)
LAYERS = ((abi.LAYER_BASE, 0x600),)


def reply(*answers: tuple[int, bytes]) -> bytes:
    writer = Writer()
    for status, body in answers:
        writer.u32(status).bytes(body)
    return writer.done()


def value(kind: int, bits: int) -> bytes:
    return struct.pack("<I", kind) + bits.to_bytes(16, "little")


def test_every_command_is_covered() -> None:
    assert {type(command) for command in ALL} == set(c.Command.__args__)


def test_a_batch_is_what_the_contract_says() -> None:
    batch = codec.encode([c.Load(0), c.Mount("/u", 0, abi.MOUNT_LAYER)], CODE, LAYERS)
    load = struct.pack("<QQI", abi.CODE_BASE, 0x5000, abi.KIND_MODULE)
    mount = struct.pack("<QQI", abi.LAYER_BASE, 0x600, 2) + b"/u" + struct.pack("<I", 0)
    expected = struct.pack("<III", 2, abi.CMD_LOAD, len(load)) + load
    expected += struct.pack("<II", abi.CMD_MOUNT, len(mount)) + mount
    assert batch == expected


def test_operations_are_distinct_and_counted() -> None:
    batch = codec.encode(ALL, CODE, LAYERS)
    (count,), at, operations = struct.unpack_from("<I", batch), 4, []
    for _ in range(count):
        op, length = struct.unpack_from("<II", batch, at)
        operations.append(op)
        at += 8 + length
    assert at == len(batch)
    assert set(operations) == set(range(abi.CMD_LOAD, abi.CMD_CALL + 1))


@pytest.mark.parametrize(
    "command",
    [
        c.Load(1),
        c.Load(-1),
        c.Mount("/", 1, 0),
        c.PutFile("/f", 7),
        c.Invoke(1 << 32, "f"),
        c.Invoke(-1, "f"),
        c.Invoke(0, "f", (Value(ValType.I32, 1 << 32),)),
        c.Invoke(0, "f", (Value(ValType.I64, -1),)),
        c.Invoke(0, "f\ud800"),
        c.MemoryRead(0, "m", 1 << 64, 1),
    ],
)
def test_numbers_out_of_range_are_named(command: c.Command) -> None:
    with pytest.raises(InvokeError):
        codec.encode([command], CODE, LAYERS)


def test_replies_are_typed() -> None:
    commands = [
        c.Load(0),
        c.Invoke(0, "f"),
        c.Export(),
        c.ReadFile("/f"),
        c.Usage(),
        c.GlobalGet(0, "g"),
    ]
    answers = codec.decode(
        commands,
        reply(
            (abi.ST_OK, struct.pack("<I", 3)),
            (abi.ST_OK, struct.pack("<I", 1) + value(abi.VAL_I64, 1 << 63)),
            (abi.ST_OK, struct.pack("<II", 1, 2) + b"ta"),
            (abi.ST_OK, struct.pack("<QI", 9, 2) + b"by"),
            (abi.ST_OK, struct.pack("<QQQ", 1, 2, 3)),
            (abi.ST_OK, value(abi.VAL_V128, 1 << 127)),
        ),
    )
    assert answers == [
        c.Ok(number=3),
        c.Ok(values=(Value(ValType.I64, 1 << 63),)),
        c.Ok(size=1, data=b"ta"),
        c.Ok(size=9, data=b"by"),
        c.Ok(counters=(1, 2, 3)),
        c.Ok(values=(Value(ValType.V128, 1 << 127),)),
    ]


def test_a_trap_ends_the_replies() -> None:
    body = Writer().u32(abi.TRAP_UNREACHABLE).str("bad").u32(1)
    body.str("m").u32(4).str("main").u64(77)
    answers = codec.decode([c.Invoke(0, "f"), c.Usage()], reply((abi.ST_TRAP, body.done())))
    assert answers == [c.Trapped(abi.TRAP_UNREACHABLE, "bad", (Frame("m", 4, "main", 77),))]


@pytest.mark.parametrize(
    ("command", "data"),
    [
        (c.Usage(), b""),
        (c.Usage(), reply((99, b""))),
        (c.Register(0, "n"), reply((abi.ST_OK, b"x"))),
        (c.Register(0, "n"), reply((abi.ST_OK, b""), (abi.ST_OK, b""))),
        (c.Register(0, "n"), struct.pack("<II", 0, 0xFFFF_FFFF)),
        (c.Invoke(0, "f"), reply((abi.ST_OK, struct.pack("<I", 1001)))),
        (c.GlobalGet(0, "g"), reply((abi.ST_OK, value(0x55, 0)))),
        (c.GlobalGet(0, "g"), reply((abi.ST_OK, value(abi.VAL_I32, 1 << 32)))),
        (c.Load(0), reply((abi.ST_TRAP, struct.pack("<III", 0, 0, 1 << 31)))),
    ],
)
def test_lies_are_violations(command: c.Command, data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        codec.decode([command], data)


def test_texts_are_bounded() -> None:
    body = Writer().str("x" * 100_000).done()
    (failed,) = codec.decode([c.Load(0)], reply((abi.ST_ERROR, body)))
    assert isinstance(failed, c.Failed)
    assert len(failed.message) == codec.MAX_MESSAGE


@given(st.binary(max_size=400), st.lists(st.sampled_from(ALL), max_size=6))
def test_any_bytes_give_replies_or_a_violation(data: bytes, commands: list[c.Command]) -> None:
    try:
        replies = codec.decode(commands, data)
    except ProtocolViolation:
        return
    assert len(replies) <= len(commands)


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.binary(max_size=120)),
        max_size=5,
    ),
    st.lists(st.sampled_from(ALL), max_size=6),
)
def test_any_well_framed_bytes_give_replies_or_a_violation(
    answers: list[tuple[int, bytes]], commands: list[c.Command]
) -> None:
    try:
        replies = codec.decode(commands, reply(*answers))
    except ProtocolViolation:
        return
    assert all(isinstance(r, c.Reply) for r in replies)


@given(st.data())
def test_a_cut_or_flipped_reply_does_no_harm(data: st.DataObject) -> None:
    body = Writer().u32(1).str("bad").u32(1).str("m").u32(4).str("main").u64(77).done()
    whole = bytearray(reply((abi.ST_OK, struct.pack("<I", 3)), (abi.ST_TRAP, body)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        codec.decode([c.Load(0), c.Invoke(0, "f")], bytes(cut))
    except ProtocolViolation:
        return


def test_text_with_half_a_character_is_named_as_such() -> None:
    with pytest.raises(InvokeError, match="a Wasi command has text that is no Unicode"):
        codec.encode([c.Wasi(("\ud800",))])
