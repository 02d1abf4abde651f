"""What a cell gives back: events while it runs, and a result at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from hypercell.vmm.errors import ExitStatus, HypercellError
from hypercell.vmm.outcome import Usage


class Stream(msgspec.Struct, frozen=True):
    """A piece of output as the program wrote it. ``name``: stdout or stderr."""

    name: str
    data: bytes


class Shown(msgspec.Struct, frozen=True):
    """Text that Hypercell itself shows: results of calls, tables, the answers of magics."""

    text: str


class Progress(msgspec.Struct, frozen=True):
    """What a step that takes long is doing."""

    text: str


class Display(msgspec.Struct, frozen=True):
    """What a cell shows beyond text: MIME type -> data; ``text/plain`` is always there.

    **Hostile**: whoever puts it on a page passes it through ``display.bundle.Shower``, as
    ``CellOutput`` does. ``result``: the value of the cell. ``id``: the cell's own name for it;
    ``update``: it replaces what the cell showed under that name.
    """

    data: dict[str, Any]
    result: bool = False
    metadata: dict[str, Any] = {}
    id: str = ""
    update: bool = False


class Clear(msgspec.Struct, frozen=True):
    """Remove what the cell has shown. ``wait``: when the next output is there."""

    wait: bool = False


class Notice(msgspec.Struct, frozen=True):
    """A line on stderr that the reader must see: it is written again when the cell clears."""

    text: bytes


class Ask(msgspec.Struct, frozen=True):
    """The cell is about to read a line; ``prompt`` stands at the reader's field, or is printed.

    ``secret``: what is typed should not be seen.
    """

    prompt: str
    secret: bool = False


Event = Stream | Shown | Progress | Display | Clear | Notice | Ask
OnEvent = Callable[[Event], None]
OnStdin = Callable[[int], Awaitable[bytes]]


class CellResult(msgspec.Struct, frozen=True):
    """The end of a cell. ``error`` None: it went well.

    ``stdout``, ``stderr`` and ``text`` hold what was shown where nobody listened to events.
    """

    error: HypercellError | None = None
    traceback: str = ""  # the error as a notebook shows it, with colours
    stdout: bytes = b""
    stderr: bytes = b""
    text: str = ""
    usage: Usage = Usage()

    @property
    def ok(self) -> bool:
        """Whether the cell went well."""
        return self.error is None

    @property
    def exit_code(self) -> int | None:
        """0, the program's own code, or None where it did not end by itself."""
        if self.error is None:
            return 0
        return self.error.code if isinstance(self.error, ExitStatus) else None

    def check(self) -> CellResult:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error
        return self


class Collector:
    """An event sink that keeps everything: for callers that only want the result."""

    def __init__(self) -> None:
        self.streams: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.shown: list[str] = []
        self._places: dict[str, int] = {}  # where a display with an id is in ``shown``
        self._notice = b""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stream):
            self.streams[event.name] += event.data
        elif isinstance(event, Shown):
            self.shown.append(event.text)
        elif isinstance(event, Display):
            self._show(event)
        elif isinstance(event, Ask):
            self.streams["stdout"] += event.prompt.encode("utf-8", "replace")
        elif isinstance(event, Clear):
            self.shown.clear()
            self._places.clear()
            for stream in self.streams.values():
                stream.clear()
            self.streams["stderr"] += self._notice
        elif isinstance(event, Notice):
            self._notice += event.text
            self.streams["stderr"] += event.text

    def _show(self, event: Display) -> None:
        text = str(event.data["text/plain"])
        if event.update and event.id in self._places:
            self.shown[self._places[event.id]] = text
            return
        if event.id:
            self._places[event.id] = len(self.shown)
        self.shown.append(text)
