"""What comes out of a Python VM besides text: hostile JSON, taken apart and checked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from hypercell.kernel.errors import CellException
from hypercell.kernel.result import Ask, Clear, Display, OnEvent, Stream
from hypercell.kernel.safe_text import safe_name
from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

_STREAMS = {abi.STDOUT: "stdout", abi.STDERR: "stderr"}
_LENGTH = 4
_MAX_ID = 200  # characters of a display's name
_PROMPT = 10_000  # characters


class Record(msgspec.Struct, frozen=True):
    """One display record."""

    kind: Literal["display", "result", "update", "clear", "ask"]
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    id: Annotated[str, msgspec.Meta(max_length=_MAX_ID)] = ""
    wait: bool = False
    prompt: str = ""
    secret: bool = False


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
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
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
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ProtocolViolation(f"a display record cannot be read: {error}") from None
        if record.kind == "clear":
            self._on_event(Clear(record.wait))
        elif record.kind == "ask":
            self._on_event(Ask(record.prompt[:_PROMPT], record.secret))
        else:
            plain = record.data.get("text/plain")
            if not isinstance(plain, str):
                plain = f"<{safe_name(', '.join(record.data))}>"
            self._on_event(
                Display(
                    {**record.data, "text/plain": plain},
                    record.kind == "result",
                    record.metadata,
                    record.id,
                    record.kind == "update",
                )
            )
