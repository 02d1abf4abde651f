"""What travels between processes comes out as it went in, and nothing else comes out."""

import msgspec
import pytest

from hypercell.vmm import commands as c
from hypercell.vmm import errors
from hypercell.vmm.messages import (
    FromWorker,
    Job,
    Raised,
    ToWorker,
    WireReply,
    pack_commands,
    pack_error,
    pack_reply,
    unpack_command,
    unpack_error,
    unpack_reply,
)
from hypercell.vmm.outcome import Frame, ValType, Value
from hypercell.vmm.program import Limits

COMMANDS = [
    c.Load(3, component=True),
    c.Wasi(("a", "ü"), (("K", "v"),), ("/home",), stdin=True),
    c.Instantiate(1, "m"),
    c.Invoke(0, "f", (Value(ValType.V128, (1 << 128) - 1), Value(ValType.I32, 7))),
    c.Call(0, "a:b/c#d", ("x", "ü")),
    c.GlobalGet(0, "g"),
    c.GlobalSet(0, "g", Value(ValType.F64, 1 << 63)),
    c.MemoryRead(0, "m", 1 << 40, 9),
    c.MemoryWrite(0, "m", 0, b"\0\xff"),
    c.Register(0, "n"),
    c.Mount("/usr", 2, 0),
    c.Defer("/home/cell.c"),
    c.PutFile("/home/cell.c", 1),
    c.ReadFile("/home/x", 5, 6),
    c.Export(),
    c.Quota(1, 2, 3, 4),
    c.FillTables(0),
    c.Usage(),
]
REPLIES = [
    c.Ok(1, (Value(ValType.V128, 1 << 127),), b"data", 5, (1, 2, 3), "text"),
    c.Trapped(2, "out of bounds", (Frame("m", 1, "f", 99),)),
    c.Exited(3),
    c.Failed(4, "no such import"),
]


def test_every_command_survives_the_way():
    job = Job(pack_commands(COMMANDS), (1,), (2, 3), Limits())
    arrived = msgspec.msgpack.decode(msgspec.msgpack.encode(job), type=ToWorker)
    assert [unpack_command(command) for command in arrived.commands] == COMMANDS


def test_every_reply_survives_the_way():
    packed = [pack_reply(reply) for reply in REPLIES]
    arrived = msgspec.msgpack.decode(msgspec.msgpack.encode(packed), type=list[WireReply])
    assert [unpack_reply(reply) for reply in arrived] == REPLIES


@pytest.mark.parametrize("bits", [-1, 1 << 128])
def test_a_value_out_of_range_is_an_invoke_error(bits):
    with pytest.raises(errors.InvokeError):
        pack_commands([c.Invoke(0, "f", (Value(ValType.I32, bits),))])


@pytest.mark.parametrize(
    "error",
    [
        errors.TimedOut("too long", hint="less"),
        errors.GuestCrash("crash", vector=14, error=6, rip=2**64 - 1, address=0),
        errors.SystemCallFailed("ioctl", 12, "no memory"),
        errors.InvalidModule("bad", hint="x"),
    ],
)
def test_errors_survive_with_their_fields(error):
    sent = msgspec.msgpack.encode(pack_error(error))
    back = unpack_error(msgspec.msgpack.decode(sent, type=FromWorker))
    assert type(back) is type(error)
    assert vars(back) == vars(error)


def test_an_error_that_may_not_travel_becomes_its_root():
    back = unpack_error(pack_error(errors.Closed("gone")))
    assert type(back) is errors.HypercellError
    assert "gone" in back.message


@pytest.mark.parametrize(
    "raised",
    [
        Raised("SystemExit", "x"),
        Raised("GuestCrash", "x"),
        Raised("GuestCrash", "x", "", {"vector": "1", "error": 1, "rip": 1, "address": 1}),
        Raised("TimedOut", "x", "", {"code": 1}),
    ],
)
def test_a_forged_error_is_a_protocol_violation(raised):
    assert type(unpack_error(raised)) is errors.ProtocolViolation


def test_long_texts_are_cut():
    back = unpack_error(Raised("TimedOut", "x" * 1_000_000, "y" * 1_000_000))
    assert len(back.message) + len(back.hint) < 100_000
