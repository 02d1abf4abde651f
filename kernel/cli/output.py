"""What ``hypercell run`` prints: the program's bytes as they are, its errors as text."""

from __future__ import annotations

import codecs
import sys
from typing import TextIO

from hypercell.kernel.result import Ask, Display, Event, Notice, Progress, Shown, Stream
from hypercell.kernel.safe_text import safe_stream, safe_text, without_colours


class Output:
    """An event sink. To a terminal goes no escape sequence but colours; a pipe gets every byte."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Shown):  # it names what a module exports, and of which types
            print(safe_text(event.text), flush=True)
        elif isinstance(event, Progress):
            if sys.stderr.isatty():
                sys.stderr.write(f"{event.text}\n")
        elif isinstance(event, Display):
            print(safe_text(event.data["text/plain"]), flush=True)
        elif isinstance(event, Ask):
            self(Stream("stdout", event.prompt.encode("utf-8", "replace")))
        elif isinstance(event, Notice):
            self(Stream("stderr", event.text))
        elif isinstance(event, Stream):
            stream: TextIO = getattr(sys, event.name)
            if stream.isatty():
                stream.write(safe_stream(self._decoders[event.name].decode(event.data)))
            else:
                stream.buffer.write(event.data)
            stream.flush()

    def error(self, text: str) -> None:
        """Each line of ``text`` on a line of stderr, marked as ours."""
        sys.stdout.flush()
        if not sys.stderr.isatty():
            text = without_colours(text)
        sys.stderr.write("".join(f"hypercell: {line}\n" for line in text.splitlines()))
