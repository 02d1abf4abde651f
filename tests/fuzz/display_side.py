"""Targets: what a cell shows, on its way to a page. Nothing in what is made may act."""

from __future__ import annotations

import base64
import html.parser
import re
import sys
from functools import partial
from typing import Any

import msgspec
from target import Target

from hypercell.kernel.display import picture
from hypercell.kernel.display.bundle import Shower
from hypercell.kernel.display.formulas import latex
from hypercell.kernel.display.parser import parse
from hypercell.kernel.display.parser_client import Parser
from hypercell.kernel.display.parser_messages import Kind, Parse, Parsed
from hypercell.kernel.display.refused import Refused

_ACTING = re.compile(
    r"script|iframe|object|embed|form|input|button|link|meta|base|svg|math|style|template|noscript"
)
_ALLOWED = (Refused, RecursionError)  # what the parser process answers with


class _Watch(html.parser.HTMLParser):
    """Fails for elements and attributes that could do something in a page."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not _ACTING.fullmatch(tag), tag
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name not in ("srcdoc", "srcset", "action", "formaction", "xlink:href"), name
            if name in ("href", "src"):
                scheme = (value or "").strip().lower()
                assert not scheme.startswith(("javascript", "vbscript")), value
                assert name == "href" or scheme.startswith("data:image/"), value
                assert not scheme.startswith("data:") or scheme.startswith("data:image/"), value

    handle_startendtag = handle_starttag


def _watched(made: str) -> None:
    made.encode()
    watch = _Watch()
    watch.feed(made)
    watch.close()


def _quietly(kind: Kind, data: bytes) -> None:
    """Errors in callbacks of nh3 pass by otherwise: they only reach this hook."""
    passed: list[object] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda error: passed.append(error.exc_value)
    try:
        _watched(parse(kind, _text(data)).html)
    finally:
        sys.unraisablehook = before
    assert not passed, passed


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _bundle(data: bytes) -> None:
    """A bundle as a VM sends it, as far as it needs no parser."""
    try:
        bundle, metadata = msgspec.json.decode(data, type=tuple[dict[str, Any], dict[str, Any]])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return
    safe = Shower(Parser()).show_now("key", bundle, metadata)
    assert set(safe.data) <= {
        "text/plain",
        "text/html",
        "application/json",
        "image/png",
        "image/jpeg",
    }
    _watched(str(safe.data.get("text/html", "")))
    msgspec.json.encode(safe.data)
    msgspec.json.encode(safe.metadata)


def _latex(data: bytes) -> None:
    made, why = latex(_text(data))
    assert bool(made) != bool(why) or not data
    _watched(made)


def _answer(data: bytes) -> None:
    for accept in (Parse, Parsed):
        try:
            msgspec.msgpack.decode(data, type=accept)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            continue


_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
)
_JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\x00\x0b\x08\0\1\0\1\1\1\x11\0"
_HTML = (
    b'<table border=1><tr><td colspan=2 style="color:red;position:fixed">x<a href="https://a">b</a>',
    b"<img src='data:image/png;base64," + base64.b64encode(_PNG) + b"' width=10><script>1</script>",
    b"<p onclick=x>&lt;<b><i></p><style>a{}</style><svg><math><title><!-- x -->]]>",
    b"<ol start=7><li><details open><summary>x</summary></details></ol>",
)
_SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><g transform="scale(2)">'
    b'<path d="M0 0L1 1z" fill="url(#a)"/><text x="1">t</text></g></svg>',
    b'<svg viewBox="0 0 9 9"><defs><linearGradient id="a"><stop offset="0"/></linearGradient>'
    b"</defs>"
    b'<use href="#a"/><image href="data:image/png;base64,AA=="/><style>a{}</style></svg>',
)
_MARKDOWN = (
    b"# a\n\n*b* `c` [d](https://e) ![f](g)"
    b"\n\n| a | b |\n|---|---|\n| $x$ | 2 |\n\n$$\\frac{1}{2}$$\n",
    b"<b>x</b>\n\n```c\nint x;\n```\n> 1. a\n>    - b\n\n[^1] [x]: javascript:y",
)

TARGETS = (
    Target("html", partial(_quietly, "html"), _HTML, _ALLOWED),
    Target("markdown", partial(_quietly, "markdown"), _MARKDOWN, _ALLOWED),
    Target("svg", partial(_quietly, "svg"), _SVG, _ALLOWED),
    Target("latex", _latex, (b"$\\frac{a}{b}$", b"\\[\\begin{matrix}a&b\\\\c\\end{matrix}\\]")),
    Target("pictures", picture.size, (_PNG, _JPEG)),
    Target(
        "display_bundle",
        _bundle,
        (
            b'[{"text/plain":"x","text/latex":"$a$","application/json":{"a":[1]}},{}]',
            b'[{"image/png":"' + base64.b64encode(_PNG) + b'"},{"image/png":{"width":5}}]',
        ),
    ),
    Target("parser_messages", _answer, (msgspec.msgpack.encode(Parsed("<b>", 1, "no")),)),
)
