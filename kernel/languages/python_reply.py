"""What comes out of a Python VM besides text: hostile JSON, taken apart and checked."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import Any, Literal

import msgspec

from hypercell.kernel.errors import CellException
from hypercell.kernel.result import Clear, Display, OnEvent, Stream
from hypercell.kernel.safe_text import safe_name
from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

_STREAMS = {abi.STDOUT: "stdout", abi.STDERR: "stderr"}
_LENGTH = 4
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_BYTES = 4 << 20
_PNG_SIDE = 16_384
_PNG_PIXELS = 64 << 20  # a small file can be a large picture


class Record(msgspec.Struct, frozen=True):
    """One display record."""

    kind: Literal["display", "result", "update", "clear"]
    data: dict[str, Any] = {}
    wait: bool = False


class Reply(msgspec.Struct, frozen=True):
    """How a cell ended."""

    status: Literal["ok", "error"]
    ename: str = ""
    evalue: str = ""
    traceback: str = ""


def ended(text: str) -> CellException | None:
    """The exception of a cell, or None. ProtocolViolation if it is no reply at all."""
    try:
        reply = msgspec.json.decode(text, type=Reply)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise ProtocolViolation(f"the reply of the Python VM cannot be read: {error}") from None
    if reply.status == "ok":
        return None
    name = reply.ename if reply.ename.isidentifier() and len(reply.ename) <= 200 else "Exception"
    return CellException(reply.evalue, name=safe_name(name), traceback=reply.traceback)


class Listener:
    """Turns the VM's streams into events; display records arrive in pieces."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._buffer = bytearray()

    def __call__(self, stream: int, data: bytes) -> None:
        if stream in _STREAMS:
            self._on_event(Stream(_STREAMS[stream], data))
            return
        self._buffer += data
        while len(self._buffer) >= _LENGTH:
            length = int.from_bytes(self._buffer[:_LENGTH], "little")
            if length > abi.DISPLAY_MAX:
                raise ProtocolViolation(f"a display record claims {length} bytes")
            if len(self._buffer) < _LENGTH + length:
                return
            record = bytes(self._buffer[_LENGTH : _LENGTH + length])
            del self._buffer[: _LENGTH + length]
            self._take(record)

    def _take(self, data: bytes) -> None:
        try:
            record = msgspec.json.decode(data, type=Record)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ProtocolViolation(f"a display record cannot be read: {error}") from None
        if record.kind == "clear":
            self._on_event(Clear(record.wait))
        else:
            self._on_event(Display(shown(record.data), record.kind == "result"))


def shown(data: dict[str, Any]) -> dict[str, str]:
    """The MIME types that may be shown: plain text, and a PNG that is one."""
    plain = data.get("text/plain")
    if not isinstance(plain, str):
        plain = f"<{safe_name(', '.join(data))}>"
    kept = {"text/plain": plain}
    if (png := _png(data.get("image/png"))) is not None:
        kept["image/png"] = png
    return kept


def _png(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > _PNG_BYTES * 4 // 3 + 4:
        return None
    try:
        data = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if not data.startswith(_PNG) or data[12:16] != b"IHDR" or len(data) < 33:
        return None
    width, height = struct.unpack(">II", data[16:24])
    if not (0 < width <= _PNG_SIDE and 0 < height <= _PNG_SIDE and width * height <= _PNG_PIXELS):
        return None
    return base64.b64encode(data).decode()
