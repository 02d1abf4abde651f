"""What a cell shows, type by type: an allow-list, checked data, limits for the whole cell.

Only these leave: ``text/plain``, ``application/json``, ``image/png``, ``image/jpeg`` and
``text/html`` that we wrote ourselves from the cell's HTML, Markdown, LaTeX or SVG. Of metadata only
a picture's width and height. Everything else is dropped, and said where nothing else is shown.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from hypercell.kernel import runs
from hypercell.kernel.display import frames, picture
from hypercell.kernel.display.formulas import cost as formula_cost
from hypercell.kernel.display.formulas import latex
from hypercell.kernel.display.parser_client import Parser
from hypercell.kernel.display.parser_messages import Kind
from hypercell.kernel.display.refused import Refused
from hypercell.kernel.display.safe_html import boxed, has_script, text_cost
from hypercell.kernel.safe_text import calmer_text, safe_name

HTML, PLAIN, JSON = "text/html", "text/plain", "application/json"
_PARSED: dict[str, Kind] = {HTML: "html", "text/markdown": "markdown", "image/svg+xml": "svg"}
_LATEX = "text/latex"
_PICTURES = ("image/png", "image/jpeg")
_RICH = (HTML, "text/markdown", _LATEX, *_PICTURES, "image/svg+xml")  # the first that passes
_WHY = {
    "application/javascript": "scripts do not run here",
    "application/vnd.jupyter.widget-view+json": "widgets need a connection that cells do not have",
}

MAX_PLAIN = 1 << 20  # characters
MAX_CELL_BYTES = 16 << 20  # characters of everything that a cell shows at a time
MAX_CELL_TAGS = 100_000
MAX_CELL_PIXELS = 64 << 20
_MAX_PARSE_SECONDS = 15.0  # for all of a cell
_MAX_JSON = 256 << 10  # characters
_MAX_JSON_DEPTH = 30
_MAX_SIDE = 4096
_MAX_NOTES = 5


class Safe(NamedTuple):
    """The contents of a display message."""

    data: dict[str, Any]
    metadata: dict[str, Any]


class _Cost(NamedTuple):
    characters: int = 0
    tags: int = 0
    pixels: int = 0


class Shower:
    """Makes the displays of one cell safe. ``scripts``: the owner allows them, in frames."""

    def __init__(self, parser: Parser, *, scripts: bool = False) -> None:
        self._parser = parser
        self._scripts = scripts
        self._one = asyncio.Lock()
        self._seconds = 0.0
        self._costs: dict[str, _Cost] = {}
        self._total = _Cost()

    def cleared(self) -> None:
        """What was shown is gone, and costs nothing any more."""
        self._costs.clear()
        self._total = _Cost()

    def needs_parser(self, data: Mapping[str, Any]) -> bool:
        """Whether ``show`` takes a moment; if not, ``show_now`` does the same at once."""
        return any(mime in data for mime in _PARSED)

    def show_now(self, key: str, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> Safe:
        """As ``show``, for a bundle that needs no parser."""
        found: dict[str, Any] = {}
        problems: dict[str, str] = {}
        meta: dict[str, Any] = {}
        for mime in _RICH:
            if mime not in data or mime in _PARSED:
                continue
            try:
                shown, cost = _unparsed(mime, data[mime])
                self._spend(key, cost)
            except Refused as error:
                problems[mime] = str(error)
                continue
            found, meta = shown, _sides(mime, metadata)
            break
        return self._complete(key, data, found, meta, problems)

    async def show(self, key: str, data: Mapping[str, Any], metadata: Mapping[str, Any]) -> Safe:
        """``key``: what is shown under the same key is replaced, and costs no more."""
        problems: dict[str, str] = {}
        for mime in _RICH:
            if mime not in data:
                continue
            if mime not in _PARSED:
                rest = {name: value for name, value in data.items() if name not in _PARSED}
                return self.show_now(key, rest, metadata)
            try:
                text = _text(data[mime])
                html, cost = await self._parsed(mime, text)
                self._spend(key, cost)
            except Refused as error:
                problems[mime] = str(error)
                continue
            return self._complete(key, data, {HTML: html}, {}, problems)
        return self._complete(key, data, {}, {}, problems)

    async def _parsed(self, mime: str, text: str) -> tuple[str, _Cost]:
        if mime == HTML and self._scripts and has_script(text):
            if len(text) > frames.MAX_CHARACTERS:
                raise Refused(f"it may have {frames.MAX_CHARACTERS} characters")
            html = frames.framed(text)
            return html, _Cost(len(html), 10)
        async with self._one:
            if self._seconds > _MAX_PARSE_SECONDS:
                raise Refused("checking what this cell shows takes too long")
            start = time.monotonic()
            try:
                parsed = await self._parser.parse(_PARSED[mime], text)
            finally:
                self._seconds += time.monotonic() - start
        return parsed.html, _Cost(len(parsed.html), parsed.tags, parsed.pixels)

    def _complete(
        self,
        key: str,
        data: Mapping[str, Any],
        found: dict[str, Any],
        metadata: dict[str, Any],
        problems: dict[str, str],
    ) -> Safe:
        kept = dict(found)
        if JSON in data:
            try:
                kept[JSON], size = _json(data[JSON])
                self._spend(f"{key}\0json", _Cost(size))
            except Refused as error:
                kept.pop(JSON, None)
                problems[JSON] = str(error)
        plain = data.get(PLAIN)
        text = plain if isinstance(plain, str) else f"<{safe_name(', '.join(data))}>"
        shown = calmer_text(text, MAX_PLAIN)
        try:
            tags = 0 if found else text_cost(shown)  # a page shows what is richest
            self._spend(f"{key}\0text", _Cost(len(shown), tags))
        except Refused as error:
            shown = f"[not shown: {error}]"
        if not kept:
            shown = "\n".join((shown, *_notes(data, problems)))
        return Safe({PLAIN: shown, **kept}, metadata)

    def _spend(self, key: str, cost: _Cost) -> None:
        before = self._costs.get(key, _Cost())
        sums = zip(self._total, before, cost, strict=True)
        total = _Cost(*(spent - old + new for spent, old, new in sums))
        limits = (MAX_CELL_BYTES, MAX_CELL_TAGS, MAX_CELL_PIXELS)
        for what, limit, spent in zip(_Cost._fields, limits, total, strict=True):
            if spent > limit:
                raise Refused(f"all that a cell shows may have {limit} {what}")
        self._costs[key], self._total = cost, total


def _unparsed(mime: str, value: Any) -> tuple[dict[str, Any], _Cost]:
    if mime == _LATEX:
        value = _text(value)
        html, problem = latex(value)
        if problem:
            raise Refused(problem)
        return {HTML: boxed(html)}, _Cost(len(html), formula_cost(value))
    if not isinstance(value, str) or len(value) > picture.MAX_BYTES * 4 // 3 + 4:
        raise Refused(f"a picture may have {picture.MAX_BYTES >> 20} MiB")
    try:
        data = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("it is not in base64") from None
    size = picture.size(data)
    if size is None or picture.mime(data) != mime:
        raise Refused("it is no such picture, an animation, or one of too many pixels")
    return {mime: base64.b64encode(data).decode()}, _Cost(len(value), pixels=size[0] * size[1])


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)  # as in notebook files
    if not isinstance(value, str):
        raise Refused("it is no text")
    return value


def _sides(mime: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Width and height of a picture, where they are numbers that fit a page."""
    given = metadata.get(mime)
    if mime not in _PICTURES or not isinstance(given, dict):
        return {}
    sides = {
        name: given[name]
        for name in ("width", "height")
        if type(given.get(name)) in (int, float) and 1 <= given[name] <= _MAX_SIDE
    }
    return {mime: sides} if sides else {}


def _json(value: Any) -> tuple[Any, int]:
    """The value and its size in characters."""
    if _deeper(value, _MAX_JSON_DEPTH):
        raise Refused(f"it is nested more than {_MAX_JSON_DEPTH} deep")
    encoded = msgspec.json.encode(value)
    size = len(encoded)
    if size > _MAX_JSON:
        raise Refused(f"it has {size} bytes, and may have {_MAX_JSON}")
    if runs.count(encoded.decode()) > runs.MAX_RUNS:
        raise Refused(f"its text may change script {runs.MAX_RUNS} times")
    return value, size


def _deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _notes(data: Mapping[str, Any], problems: Mapping[str, str]) -> list[str]:
    """What was not shown, where nothing but text is."""
    why = {
        mime: problems.get(
            mime, _WHY.get(mime, "this type is not on the list of what may be shown")
        )
        for mime in data
        if mime != PLAIN
    }
    # The reason may quote what the cell wrote, as a formula's command.
    return [
        f"[{safe_name(mime, 80)}: not shown: {safe_name(text)}]"
        for mime, text in islice(why.items(), _MAX_NOTES)
    ]
