"""What a Python VM says is hostile: records and replies are taken apart and checked."""

from __future__ import annotations

import base64
import json
import struct
import zlib

import pytest

from hypercell.kernel.languages.python_reply import Listener, ended, shown
from hypercell.kernel.result import Clear, Display, Event, Stream
from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation


def png(width: int, height: int) -> bytes:
    header = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


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
        b"\xff\xff\x00\x00" + b"[" * 0xFFFF,
    ],
)
def test_a_bad_record_ends_the_cell(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        Listener(lambda _: None)(abi.STREAM_DISPLAY, data)


def test_only_text_and_pictures_are_shown() -> None:
    data = {"text/html": "<script>", "image/svg+xml": "<svg>", "text/plain": "p"}
    assert shown(data) == {"text/plain": "p"}
    assert shown({"text/html": "\x1b]0;x", "a\nb": 1})["text/plain"] == r"<text/html, a\nb>"
    assert shown({"text/plain": {"a": 1}})["text/plain"] == "<text/plain>"


def test_a_picture_is_checked() -> None:
    good = base64.b64encode(png(10, 10)).decode()
    assert shown({"image/png": good})["image/png"] == good
    for bad in (
        base64.b64encode(b"<svg onload=1>" * 9).decode(),
        base64.b64encode(png(0, 1)).decode(),
        base64.b64encode(png(16_000, 16_000)).decode(),
        good + "<script>",
        {"a": good},
        "A" * (8 << 20),
    ):
        assert set(shown({"image/png": bad})) == {"text/plain"}


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
