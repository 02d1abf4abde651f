"""SVG as a picture: rewritten from what is on a list, then shown by ``<img>``.

A browser runs no script and loads nothing in an ``<img>``, but it draws: a kilobyte of nested
``<use>`` takes it 23 seconds, and 100,000 lines across each other 38. So elements that repeat
others or work on pixels are left out, and elements and coordinates are counted.
"""

from __future__ import annotations

import base64
import html
import re
from xml.parsers import expat

from hypercell.kernel import runs
from hypercell.kernel.display.refused import Refused

MAX_CHARACTERS = 1 << 20
MAX_ELEMENTS = 2000
MAX_NUMBERS = 20_000  # coordinates of paths and polygons
_MAX_DEPTH = 30
_MAX_LAYERS = 100  # elements that are drawn apart and then laid over: opacity, clipping
_MAX_SIDE = 4096  # pixels
_NAMESPACE = "http://www.w3.org/2000/svg"
_SEPARATOR = "\n"  # between namespace and name: no name contains it

_NAMES = """
svg g path rect circle ellipse line polyline polygon text tspan title desc defs linearGradient
radialGradient stop clipPath a switch
"""
_ELEMENTS = frozenset(_NAMES.split())
_SHAPE = "d points x y x1 y1 x2 y2 cx cy r rx ry dx dy width height viewBox preserveAspectRatio"
_PAINT = (
    "fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin "
    "stroke-miterlimit stroke-dasharray color opacity clip-path clip-rule display visibility"
)
_FONT = (
    "font-family font-size font-style font-weight text-anchor dominant-baseline letter-spacing "
    "alignment-baseline baseline-shift text-decoration textLength lengthAdjust rotate"
)
_GRADIENT = "offset stop-color stop-opacity gradientUnits gradientTransform spreadMethod fx fy fr"
_ATTRIBUTES = frozenset(
    f"id transform style version clipPathUnits {_SHAPE} {_PAINT} {_FONT} {_GRADIENT}".split()
)
_LAYERS = ("opacity", "clip-path", "stroke-dasharray")
_LOCAL = re.compile(r"url\(\s*['\"]?#[\w.:-]{1,100}['\"]?\s*\)")
_BAD = re.compile(r"url|image|\\|/\*|@|expression|var\(|attr\(|src|filter|mask|pattern", re.I)
_NUMBER = re.compile(r"\d+\.?\d*|\.\d+")
_LENGTH = re.compile(r"\s*(\d{1,6}(?:\.\d{0,6})?)\s*(px|pt|mm|cm|in|)\s*\Z")
_PIXELS = {"": 1.0, "px": 1.0, "pt": 96 / 72, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}


def svg_image(text: str) -> tuple[str, int]:
    """(The SVG as an ``<img>``, what it takes a page). Refused: no SVG, or too much of one."""
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"an SVG may have {MAX_CHARACTERS} characters")
    rewriter = _Rewriter()
    data = base64.b64encode(rewriter.rewrite(text).encode()).decode()
    width = f"width:{rewriter.size['width']:.0f}px;" if "width" in rewriter.size else ""
    style = f"{width}max-width:100%;height:auto"
    image = f'<img alt="SVG" src="data:image/svg+xml;base64,{data}" style="{style}">'
    return image, rewriter.cost


class _Rewriter:
    """Copies what is known.

    ``size``: width and height in pixels, where they are lengths; ``cost``: see ``svg_image``.
    """

    def __init__(self) -> None:
        self.size: dict[str, float] = {}
        self._numbers = 0
        self._out: list[str] = []
        self._open: list[str] = []
        self._count = 0
        self._layers = 0
        self._runs = 0
        self._skipped = 0  # depth within an element that is left out

    @property
    def cost(self) -> int:
        return 10 * self._count + self._numbers

    def rewrite(self, text: str) -> str:
        parser = expat.ParserCreate("utf-8", _SEPARATOR)
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(text.encode("utf-8", "replace"), True)
        except expat.ExpatError as error:
            raise Refused(f"it is no XML: {error}") from None
        return "".join(self._out)

    def _doctype(self, *_: object) -> None:
        """``<!DOCTYPE svg PUBLIC …>`` is what programs write; nothing of it is read."""

    def _entity(self, *_: object) -> None:
        raise Refused("an SVG may declare no entities")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(_SEPARATOR)
        if not self._open and not self._skipped and local != "svg":
            raise Refused("it does not begin with <svg>")
        if self._skipped or local not in _ELEMENTS or namespace not in ("", _NAMESPACE):
            self._skipped += 1
            return
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= _MAX_DEPTH:
            raise Refused(f"an SVG may have {MAX_ELEMENTS} elements, {_MAX_DEPTH} deep")
        local = {"a": "g", "switch": "g"}.get(local, local)
        kept = {key: value for key, value in attributes.items() if self._keeps(key, value)}
        if not self._open:
            self._measure(kept)
            kept["xmlns"] = _NAMESPACE
        if self._layers > _MAX_LAYERS:
            raise Refused(f"an SVG may have {_MAX_LAYERS} elements with opacity, clips or dashes")
        if self._numbers > MAX_NUMBERS:
            raise Refused(f"the paths of an SVG may have {MAX_NUMBERS} coordinates")
        self._open.append(local)
        written = "".join(f' {key}="{html.escape(value)}"' for key, value in kept.items())
        self._out.append(f"<{local}{written}>")

    def _end(self, _: str) -> None:
        if self._skipped:
            self._skipped -= 1
        else:
            self._out.append(f"</{self._open.pop()}>")

    def _text(self, text: str) -> None:
        self._runs += runs.count(text)
        if self._runs > runs.MAX_RUNS:
            raise Refused(f"the text of an SVG may have {runs.MAX_RUNS} pieces")
        if not self._skipped:
            self._out.append(html.escape(text))

    def _keeps(self, name: str, value: str) -> bool:
        if name not in _ATTRIBUTES or _BAD.search(_LOCAL.sub("", value)):
            return False
        if name in ("d", "points"):
            self._numbers += len(_NUMBER.findall(value))
        self._layers += any(word in name or word in value for word in _LAYERS)
        return True

    def _measure(self, attributes: dict[str, str]) -> None:
        for name in ("width", "height"):
            found = _LENGTH.match(attributes.get(name, ""))
            if found is None:  # in units of the page, or of any size
                attributes.pop(name, None)
                continue
            pixels = float(found[1]) * _PIXELS[found[2]]
            if pixels > _MAX_SIDE:
                raise Refused(f"a picture may be {_MAX_SIDE} pixels wide and high")
            self.size[name] = pixels
