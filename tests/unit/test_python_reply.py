"""What a Python VM says is hostile: records and replies are taken apart and checked."""

from __future__ import annotations

import json

import pytest

from hypercell.kernel.languages.python_reply import Listener, ended
from hypercell.kernel.result import Clear, Display, Event, Stream
from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation


def record(**fields: object) -> bytes:
    data = json.dumps(fields).encode()
    return len(data).to_bytes(4, "little") + data


def test_streams_and_records_become_events_whatever_the_pieces() -> None:
    events: list[Event] = []
    listener = Listener(events.append)
    data = record(kind="display", data={"text/plain": "1"}) + record(kind="clear", wait=True)
    data += record(kind="result", data={"text/plain": "2"})
    for at in range(len(data)):
        listener(abi.STREAM_DISPLAY, data[at : at + 1])
        if at == 0:
            listener(abi.STDERR, b"x")
    assert events == [
        Stream("stderr", b"x"),
        Display({"text/plain": "1"}),
        Clear(True),
        Display({"text/plain": "2"}, True),
    ]


@pytest.mark.parametrize(
    "data",
    [
        (abi.DISPLAY_MAX + 1).to_bytes(4, "little"),
        b"\x04\x00\x00\x00null",
        b"\x02\x00\x00\x00{}",
        record(kind="payload"),
        record(kind="display", data=[1]),
        record(kind="display", data={}, metadata=[1]),
        record(kind="update", data={}, id="x" * 300),
        b"\xff\xff\x00\x00" + b"[" * 0xFFFF,
        b"\x07\x00\x00\x00" + b'{"\xce": 1',
    ],
)
def test_a_bad_record_ends_the_cell(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        Listener(lambda _: None)(abi.STREAM_DISPLAY, data)


def test_there_is_always_plain_text() -> None:
    events: list[Event] = []
    listener = Listener(events.append)
    listener(abi.STREAM_DISPLAY, record(kind="display", data={"text/html": "<b>", "a\nb": 1}))
    listener(abi.STREAM_DISPLAY, record(kind="update", data={"text/plain": {}}, id="i"))
    first, second = events
    assert isinstance(first, Display)
    assert first.data == {"text/html": "<b>", "a\nb": 1, "text/plain": r"<text/html, a\nb>"}
    assert second == Display({"text/plain": "<text/plain>"}, id="i", update=True)


def test_replies() -> None:
    assert ended('{"status": "ok"}') is None
    error = ended('{"status": "error", "ename": "E", "evalue": "v", "traceback": "t"}')
    assert error is not None
    assert (error.name, error.message, error.traceback) == ("E", "v", "t")
    strange = ended('{"status": "error", "ename": "a b<"}')
    assert strange is not None
    assert strange.name == "Exception"
    for bad in ("", "null", "{}", '{"status": 1}', '{"status": "ok"', '{"status": "\ud800"}'):
        with pytest.raises(ProtocolViolation):
            ended(bad)
