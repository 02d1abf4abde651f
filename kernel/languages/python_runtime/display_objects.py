"""The classes of ``IPython.display``: data that shows itself as one MIME type."""

from __future__ import annotations

import html
import json
import os
from typing import Any

_IMAGES = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"GIF8": "image/gif"}
_MAX_NAME = 255  # characters of a text that may be the name of a file


class DisplayObject:
    """``data``, or the content of ``filename``; a URL cannot be fetched here."""

    mime = "text/plain"
    binary = False

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: Any = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(data, os.PathLike):
            data, filename = None, os.fspath(data)
        elif isinstance(data, str) and filename is None:
            if data.startswith(("http://", "https://")) and "\n" not in data:
                url = data
            elif len(data) <= _MAX_NAME and "\n" not in data and os.path.isfile(data):
                data, filename = None, data
        self.data = data
        self.url = url
        self.filename = None if filename is None else os.fspath(filename)
        self.metadata = metadata or {}
        self.reload()

    def reload(self) -> None:
        """Read the file again."""
        if self.filename is not None:
            with open(self.filename, "rb") as file:
                self.data = file.read()
        elif self.url is not None and not isinstance(self, Elsewhere):
            raise OSError(f"{self.url}: cells have no network: nothing can be fetched")
        if isinstance(self.data, bytes) and not self.binary:
            self.data = self.data.decode()

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        metadata = {self.mime: self.metadata} if self.metadata else {}
        return {self.mime: self.data, "text/plain": repr(self)}, metadata

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__} object>"


class TextDisplayObject(DisplayObject):
    """Text."""


class HTML(TextDisplayObject):
    """HTML."""

    mime = "text/html"

    def _repr_html_(self) -> Any:
        return self.data

    __html__ = _repr_html_


class Markdown(TextDisplayObject):
    """Markdown."""

    mime = "text/markdown"


class Latex(TextDisplayObject):
    """LaTeX."""

    mime = "text/latex"


class Math(Latex):
    """LaTeX without its dollars."""

    def reload(self) -> None:
        super().reload()
        self.data = f"$\\displaystyle {str(self.data).strip('$')}$"


class SVG(DisplayObject):
    """An SVG."""

    mime = "image/svg+xml"


class JSON(DisplayObject):
    """What JSON can hold, or its text."""

    mime = "application/json"

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: Any = None,
        expanded: bool = False,
        metadata: dict[str, Any] | None = None,
        root: str = "root",
        **_: Any,
    ) -> None:
        super().__init__(data, url, filename, metadata)

    def reload(self) -> None:
        super().reload()
        if isinstance(self.data, str):
            self.data = json.loads(self.data)


class Image(DisplayObject):
    """A PNG or JPEG, from bytes or a file."""

    mime = "image/png"
    binary = True

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: Any = None,
        format: str | None = None,
        embed: bool | None = None,
        width: Any = None,
        height: Any = None,
        **rest: Any,
    ) -> None:
        super().__init__(data, url, filename, rest.get("metadata"))
        start = bytes(self.data[:4]) if isinstance(self.data, (bytes, bytearray)) else b""
        for magic, mime in _IMAGES.items():
            if start.startswith(magic):
                self.mime = mime
        if format in ("jpg", "jpeg") and not start:
            self.mime = "image/jpeg"
        size = {"width": width, "height": height}
        self.metadata = {**self.metadata, **{k: v for k, v in size.items() if v is not None}}

    def reload(self) -> None:
        """Read the file again; a URL is not fetched, the page says so."""
        if self.url is None:
            super().reload()

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.url is None:
            return super()._repr_mimebundle_(include, exclude)
        return {"text/plain": f"<Image {self.url}: not shown: {Elsewhere.why}>"}, {}


class Javascript(TextDisplayObject):
    """JavaScript: it does not run, and the page says so."""

    mime = "application/javascript"


class Pretty(TextDisplayObject):
    """Plain text."""

    def __repr__(self) -> str:
        return str(self.data)


class Code(TextDisplayObject):
    """A program's text."""

    def __init__(
        self,
        data: Any = None,
        url: str | None = None,
        filename: Any = None,
        language: str | None = None,
    ) -> None:
        super().__init__(data, url, filename)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        text = f"<pre><code>{html.escape(str(self.data))}</code></pre>"
        return {"text/html": text, "text/plain": repr(self)}, {}

    def __repr__(self) -> str:
        return str(self.data)


class Elsewhere(DisplayObject):
    """What a page would load, play or embed: here its name and why it is not shown."""

    why = "nothing is loaded from elsewhere"

    def __init__(self, data: Any = None, *rest: Any, **named: Any) -> None:
        self.data = data
        self.src = named.get("src", named.get("url", named.get("filename")))
        if self.src is None and isinstance(data, (str, os.PathLike)):
            self.src = data

    def __repr__(self) -> str:
        what = type(self).__name__ if self.src is None else f"{type(self).__name__} {self.src}"
        return f"<{what}: not shown: {self.why}>"

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"text/plain": repr(self)}, {}


class IFrame(Elsewhere):
    """A page within the page."""


class YouTubeVideo(Elsewhere):
    """A film."""


class VimeoVideo(Elsewhere):
    """A film."""


class Video(Elsewhere):
    """A film."""

    why = "notebooks here show text and still pictures"


class Audio(Video):
    """Sound."""


class FileLink(Elsewhere):
    """A file of the cell."""

    why = "files of cells have no address"


# Of IPython.lib.display; a film is of IPython.core.display.
ELSEWHERE: tuple[type[DisplayObject], ...] = (IFrame, YouTubeVideo, VimeoVideo, Audio, FileLink)
CLASSES: tuple[type[DisplayObject], ...] = (
    *(DisplayObject, TextDisplayObject, HTML, Markdown, Latex, Math, SVG, JSON, Image, Javascript),
    *(Pretty, Code, Video, *ELSEWHERE),
)
