"""The output of one cell on its way to the front end: few messages, soon, in order, and safe."""

from __future__ import annotations

import asyncio
import codecs
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from hypercell.kernel import runs
from hypercell.kernel.display.bundle import Safe, Shower
from hypercell.kernel.display.parser_client import Parser
from hypercell.kernel.output_queue import Message, Queue, Run
from hypercell.kernel.result import Clear, Display, Event, Notice, Progress, Shown, Stream
from hypercell.kernel.safe_text import (
    MAX_COLOURS,
    MAX_LINES,
    MAX_LINKS,
    calmer_text,
    links,
    safe_stream,
    safe_text,
    without_colours,
    without_links,
)

Send = Callable[[str, dict[str, Any]], None]

INTERVAL = 0.05  # seconds between messages: the server drops what is much faster
MAX_DISPLAYS = 1000  # that a cell shows at a time
MAX_STREAM = 1 << 20  # characters of stdout and stderr that a page is given at a time
_PER_MESSAGE = 0.002  # seconds of pause for each message sent
_PROGRESS_AFTER = 1.0
_MAX_PENDING = 256 << 10  # bytes that are sent at once even if the interval is not over
_MAX_MESSAGE = 256 << 10  # characters
_OPEN_ESCAPE = re.compile(r"\x1b(\[[0-9;:]{0,40})?$")


class CellOutput:
    """``send(msg_type, content)`` must attribute messages to the cell. Use it in one thread.

    ``shower`` makes displays safe. A cell's names of displays are its own: they reach the front end
    behind a secret prefix, so that no other cell's display can be meant.
    """

    def __init__(self, send: Send, execution_count: int, shower: Shower | None = None) -> None:
        self._send = send
        self._count = execution_count
        self._shower = shower or Shower(Parser())
        self._queue = Queue()
        self._pending = 0
        self._decoders: dict[str, _Decoder] = {}
        self._last = 0.0
        self._pause = INTERVAL
        self._timer: asyncio.TimerHandle | None = None
        self._notice = b""  # what a cell cannot clear
        self._held = ""  # shown text that becomes the execute_result if nothing follows
        self._anything = False
        self._result = False
        self._page = _Page()
        self._prefix = secrets.token_hex(8)
        self._ids: dict[str, str] = {}
        self._progress = ""
        self._progress_timer: asyncio.TimerHandle | None = None
        self._progress_shown = False

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, Progress):
            self._progress = event.text
            if self._progress_timer is None:
                loop = asyncio.get_running_loop()
                delay = 0.0 if self._progress_shown else _PROGRESS_AFTER
                self._progress_timer = loop.call_later(delay, self._show_progress)
            return
        self._release("display_data")
        if isinstance(event, Stream):
            self._queue.write(event.name, event.data)
            self._pending += len(event.data)
        elif isinstance(event, Shown):
            self._held = event.text
        elif isinstance(event, Display):
            self._display(event)
        elif isinstance(event, Clear):
            self._shower.cleared()
            self._page = _Page()
            self._queue.clear(Message("clear_output", {"wait": event.wait}))
            if self._notice:
                self._queue.write("stderr", self._notice)
        elif isinstance(event, Notice):
            self._notice += event.text
            self._queue.write("stderr", event.text)
        self._soon()

    def flush(self) -> None:
        """Send what is waiting and ready."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sent = 0
        while (item := self._queue.take()) is not None:
            sent += 1
            if isinstance(item, Run):
                decoder = self._decoders.setdefault(item.name, _Decoder())
                self._stream(item.name, decoder.decode(bytes(item.data)))
            else:
                self._message(item)
        self._pending = 0
        if sent:
            self._last = time.monotonic()
            self._pause = max(INTERVAL, sent * _PER_MESSAGE)

    async def settled(self) -> None:
        """Send everything, also what still has to be checked."""
        while tasks := self._queue.tasks():
            await asyncio.wait(tasks)
            self.flush()
        self.flush()

    async def finish(self, *, ok: bool) -> None:
        """Send the rest; after a good end the last shown text as the cell's result."""
        await self.settled()
        for name, decoder in self._decoders.items():
            self._stream(name, decoder.finish())
        self._release("execute_result" if ok else "display_data")
        self.flush()
        if self._progress_timer is not None:
            self._progress_timer.cancel()
            self._progress_timer = None
        if self._progress_shown:
            self._send("clear_output", {"wait": False})
            self._progress_shown = False

    def _soon(self) -> None:
        """Send now if the last messages are long enough ago, else a little later."""
        if not self._queue:
            return
        left = self._last + self._pause - time.monotonic()
        if left <= 0 or self._pending > _MAX_PENDING:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(left, self.flush)

    def _stream(self, name: str, text: str) -> None:
        text = self._page.stream(text)
        for start in range(0, len(text), _MAX_MESSAGE):
            self._emit("stream", {"name": name, "text": text[start : start + _MAX_MESSAGE]})

    def _release(self, kind: str) -> None:
        if not self._held:
            return
        text = self._page.stream(calmer_text(self._held, MAX_STREAM))
        self._held = ""
        if not text:
            return  # the page is full, and says so
        content: dict[str, Any] = {"data": {"text/plain": text}, "metadata": {}}
        if kind == "execute_result":
            content["execution_count"] = self._count
        self._queue.add(Message(kind, content))

    def _display(self, event: Display) -> None:
        known = event.id in self._ids
        update = event.update and known  # of another cell's display: it is shown here instead
        if not update and not self._page.display():
            if self._page.displays == MAX_DISPLAYS + 1:
                note = f"More than {MAX_DISPLAYS} displays: the others are not shown.\n"
                self._queue.write("stderr", note.encode())
            return
        content: dict[str, Any] = {}
        kind = "update_display_data" if update else "display_data"
        if event.result and not self._result:  # a cell has one
            self._result = True
            kind = "execute_result"
            content["execution_count"] = self._count
        elif event.id:
            name = self._ids.setdefault(event.id, f"{self._prefix}-{len(self._ids)}")
            content["transient"] = {"display_id": name}
        key = event.id or f"\0{self._page.displays}"
        message = Message(kind, content, id=event.id)
        if self._shower.needs_parser(event.data):
            message.task = asyncio.create_task(self._shower.show(key, event.data, event.metadata))
            message.task.add_done_callback(lambda _: self._soon())
        else:
            _fill(content, self._shower.show_now(key, event.data, event.metadata))
        self._queue.add(message)

    def _message(self, message: Message) -> None:
        if message.task is not None:
            _fill(message.content, message.task.result())
        self._emit(message.kind, message.content)

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


def _fill(content: dict[str, Any], safe: Safe) -> None:
    content["data"], content["metadata"] = safe


class _Page:
    """How much a cell has put on the page since it was last cleared."""

    def __init__(self) -> None:
        self.displays = 0
        self._full = False
        self._characters = 0
        self._lines = 0
        self._colours = 0
        self._links = 0
        self._runs = 0

    def display(self) -> bool:
        """Whether there is room for one more."""
        self.displays += 1
        return self.displays <= MAX_DISPLAYS

    def stream(self, text: str) -> str:
        """What of ``text`` still fits."""
        if self._full:
            return ""
        room = MAX_STREAM - self._characters
        lines = MAX_LINES - self._lines
        self._characters += len(text)
        self._lines += text.count("\n")
        if len(text) > room or self._lines > MAX_LINES:
            self._full = True
            kept = "\n".join(text[:room].split("\n", lines + 1)[: lines + 1])
            text = f"{kept}\n… more than a page takes ({MAX_LINES} lines, {MAX_STREAM >> 20} MiB)\n"
        fitting = runs.cut(text, runs.MAX_RUNS - self._runs)
        self._runs += runs.count(fitting)
        if len(fitting) < len(text):
            self._full = True
            text = f"{fitting}\n… more than a page takes ({runs.MAX_RUNS} changes of script)\n"
        self._colours += text.count("\x1b[")
        if self._colours > MAX_COLOURS:
            text = without_colours(text)
        self._links += links(text)
        return without_links(text) if self._links > MAX_LINKS else text


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
