"""The output of one cell on its way to the front end: few messages, soon, in order, and safe."""

from __future__ import annotations

import asyncio
import codecs
import re
import time
from collections.abc import Callable
from typing import Any

from hypercell.kernel.result import Clear, Display, Event, Progress, Shown, Stream
from hypercell.kernel.safe_text import safe_stream, safe_text

Send = Callable[[str, dict[str, Any]], None]

INTERVAL = 0.05  # seconds between messages: the server drops what is much faster
_PROGRESS_AFTER = 1.0
_MAX_PENDING = 256 << 10  # bytes that are sent at once even if the interval is not over
_MAX_MESSAGE = 256 << 10  # characters
_MAX_RUNS = 40  # changes between stdout and stderr kept in order within an interval
_OPEN_ESCAPE = re.compile(r"\x1b(\[[0-9;:]{0,40})?$")


class CellOutput:
    """``send(msg_type, content)`` must attribute messages to the cell. Use it in one thread."""

    def __init__(self, send: Send, execution_count: int) -> None:
        self._send = send
        self._count = execution_count
        self._runs: list[tuple[str, bytearray]] = []
        self._pending = 0
        self._decoders: dict[str, _Decoder] = {}
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._held = ""  # shown text that becomes the execute_result if nothing follows
        self._anything = False
        self._result = False
        self._progress = ""
        self._progress_timer: asyncio.TimerHandle | None = None
        self._progress_shown = False

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Stream):
            self._write(event.name, event.data)
        elif isinstance(event, Shown):
            self.flush()
            self._release("display_data")
            self._held = event.text
        elif isinstance(event, Display):
            self.flush()
            self._release("display_data")
            self._display(event)
        elif isinstance(event, Clear):
            self.flush()
            self._release("display_data")
            self._emit("clear_output", {"wait": event.wait})
        elif isinstance(event, Progress):
            self._progress = event.text
            if self._progress_timer is None:
                loop = asyncio.get_running_loop()
                delay = 0.0 if self._progress_shown else _PROGRESS_AFTER
                self._progress_timer = loop.call_later(delay, self._show_progress)

    def flush(self) -> None:
        """Send what is waiting."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        runs, self._runs, self._pending = self._runs, [], 0
        for name, data in runs:
            decoder = self._decoders.setdefault(name, _Decoder())
            self._stream(name, decoder.decode(bytes(data)))
        if runs:
            self._last = time.monotonic()

    def finish(self, *, ok: bool) -> None:
        """Send the rest; after a good end the last shown text as the cell's result."""
        self.flush()
        for name, decoder in self._decoders.items():
            self._stream(name, decoder.finish())
        self._release("execute_result" if ok else "display_data")
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._progress_timer = None
        if self._progress_shown:
            self._send("clear_output", {"wait": False})
            self._progress_shown = False

    def _write(self, name: str, data: bytes) -> None:
        self._release("display_data")
        run = self._run_for(name)
        run += data
        self._pending += len(data)
        left = self._last + INTERVAL - time.monotonic()
        if left <= 0 or self._pending > _MAX_PENDING:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(left, self.flush)

    def _run_for(self, name: str) -> bytearray:
        if self._runs and self._runs[-1][0] == name:
            return self._runs[-1][1]
        if len(self._runs) >= _MAX_RUNS:
            for known, run in reversed(self._runs):
                if known == name:
                    return run
        self._runs.append((name, bytearray()))
        return self._runs[-1][1]

    def _stream(self, name: str, text: str) -> None:
        for start in range(0, len(text), _MAX_MESSAGE):
            self._emit("stream", {"name": name, "text": text[start : start + _MAX_MESSAGE]})

    def _release(self, kind: str) -> None:
        if not self._held:
            return
        content: dict[str, Any] = {"data": {"text/plain": safe_text(self._held)}, "metadata": {}}
        if kind == "execute_result":
            content["execution_count"] = self._count
        self._held = ""
        self._emit(kind, content)

    def _display(self, event: Display) -> None:
        data = {**event.data, "text/plain": safe_text(event.data["text/plain"])}
        content: dict[str, Any] = {"data": data, "metadata": {}}
        first = event.result and not self._result
        if first:  # a cell has one
            self._result = True
            content["execution_count"] = self._count
        self._emit("execute_result" if first else "display_data", content)

    def _emit(self, kind: str, content: dict[str, Any]) -> None:
        if self._progress_shown:  # it goes when the first output is there
            self._send("clear_output", {"wait": True})
            self._progress_shown = False
        self._anything = True
        self._send(kind, content)

    def _show_progress(self) -> None:
        self._progress_timer = None
        if self._anything:
            return  # it could not be removed without removing output
        if self._progress_shown:
            self._send("clear_output", {"wait": True})
        self._progress_shown = True
        self._send("stream", {"name": "stderr", "text": safe_text(self._progress) + "\n"})


class _Decoder:
    """Bytes to safe text; what is cut at a message's end waits for the next one."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._open = ""

    def decode(self, data: bytes, *, final: bool = False) -> str:
        text = self._open + self._utf8.decode(data, final)
        self._open = ""
        if not final and (match := _OPEN_ESCAPE.search(text)):
            self._open = match[0]
            text = text[: match.start()]
        return safe_stream(text)

    def finish(self) -> str:
        return self.decode(b"", final=True)
