"""Input for a program from the front end: one input_request a line."""

from __future__ import annotations

import asyncio
from typing import Any

import zmq

from hypercell.kernel.result import Ask
from hypercell.kernel.safe_text import safe_text

_POLL = 0.01  # seconds; only while the user is typing
_EOF = "\x04"


class FrontEndInput:
    """Serves the programs of all cells, one request at a time. Use it in one thread."""

    def __init__(self) -> None:
        self._asking = asyncio.Lock()
        self._left: dict[str, bytearray] = {}  # of a line longer than a program asked for

    async def read(
        self,
        session: Any,
        socket: Any,
        parent: Any,
        ident: Any,
        limit: int,
        *,
        key: Any,
        ask: Ask,
    ) -> bytes:
        """At most ``limit`` bytes of the line the user types; b"" is the end of input."""
        left = self._left.setdefault(key["msg_id"], bytearray())
        if not left:
            left += await self._ask(session, socket, parent, ident, ask)
        piece = bytes(left[:limit])
        del left[:limit]
        return piece

    def forget(self, key: Any) -> None:
        """The cell is over: what it did not read is nobody's."""
        self._left.pop(key["msg_id"], None)

    async def _ask(self, session: Any, socket: Any, parent: Any, ident: Any, ask: Ask) -> bytes:
        async with self._asking:
            while _receive(session, socket) is not None:
                pass  # an answer to a request of a cell that is over
            content = {"prompt": safe_text(ask.prompt), "password": ask.secret}
            session.send(socket, "input_request", content, parent, ident=ident)
            # A ZeroMQ descriptor tells of changes only, and not of all: polling is the simple way.
            while (reply := _receive(session, socket)) is None:  # noqa: ASYNC110
                await asyncio.sleep(_POLL)
        answer = reply.get("content")
        value = answer.get("value") if isinstance(answer, dict) else None
        if not isinstance(value, str) or value == _EOF:
            return b""
        return value.encode("utf-8", "replace") + b"\n"  # JSON may hold half a surrogate pair


def _receive(session: Any, socket: Any) -> dict[str, Any] | None:
    try:
        _, message = session.recv(socket, mode=zmq.NOBLOCK)
    except (ValueError, zmq.ZMQError):  # a message that is not signed as it should be
        return None
    return message if isinstance(message, dict) else None
