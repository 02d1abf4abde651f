"""What leaves for the front end: an allow-list of types, checked data, limits for a cell."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from pictures import jpeg, png

from hypercell.kernel.display import bundle
from hypercell.kernel.display.bundle import Safe, Shower
from hypercell.kernel.display.parser_client import Parser


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    made = Parser()
    yield made
    made.close()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def now(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> Safe:
    shower = Shower(Parser())
    assert not shower.needs_parser(data)
    return shower.show_now("k", data, metadata or {})


@pytest.mark.parametrize(
    "mime",
    [
        "application/javascript",
        "text/javascript",
        "application/vnd.jupyter.widget-view+json",
        "application/vnd.vega.v5+json",
        "application/vnd.vegalite.v5+json",
        "application/vnd.plotly.v1+json",
        "application/vnd.dataresource+json",
        "application/vnd.bokehjs_load.v0+json",
        "application/geo+json",
        "application/pdf",
        "text/vnd.mermaid",
        "image/gif",
        "image/svg",
        "text/HTML",
        "text/html; charset=utf-8",
        "",
        "a\nb\x1b]0;",
    ],
)
def test_every_other_type_is_dropped_and_said(mime: str) -> None:
    safe = now({"text/plain": "p", mime: "<script>"}, {mime: {"isolated": True}})
    assert set(safe.data) == {"text/plain"}
    assert safe.data["text/plain"].startswith("p\n[")
    assert "not shown" in safe.data["text/plain"]
    assert "\x1b" not in safe.data["text/plain"]
    assert safe.metadata == {}


def test_metadata_is_two_numbers() -> None:
    good = b64(png(4, 4))
    given = {
        "image/png": {"width": 10, "height": 99_999, "unconfined": True, "isolated": True},
        "isolated": True,
        "text/plain": {"width": 1},
    }
    safe = now({"text/plain": "p", "image/png": good}, given)
    assert safe == Safe({"text/plain": "p", "image/png": good}, {"image/png": {"width": 10}})
    for side in ("10", True, -1, float("nan"), [1], {"a": 1}, 1e300, '1" onload="x'):
        metadata = {"image/png": {"width": side}}
        assert now({"text/plain": "p", "image/png": good}, metadata).metadata == {}


@pytest.mark.parametrize(("mime", "make"), [("image/png", png), ("image/jpeg", jpeg)])
def test_pictures_are_checked(mime: str, make: Any) -> None:
    good = b64(make(10, 10))
    assert now({"text/plain": "p", mime: good}).data[mime] == good
    for bad in (
        b64(b"<svg onload=1>" * 9),
        b64(make(0, 1)),
        b64(make(10, 0)),
        b64(make(60_000, 10)),
        b64(make(8000, 8000)),
        b64(make(10, 10)[:12]),
        b64(png(10, 10, animated=True)),
        good + "<script>",
        {"a": good},
        [good],
        None,
        "A" * (8 << 20),
        "\udc80",
    ):
        assert set(now({"text/plain": "p", mime: bad}).data) == {"text/plain"}
    other = jpeg if make is png else png
    assert set(now({"text/plain": "p", mime: b64(other(10, 10))}).data) == {"text/plain"}


def test_json_is_bounded() -> None:
    value = {"a": [1, None, "x"]}
    assert now({"text/plain": "p", "application/json": value}).data["application/json"] == value
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    for bad in (deep, "x" * (1 << 20), list(range(200_000))):
        assert set(now({"text/plain": "p", "application/json": bad}).data) == {"text/plain"}


def test_text_is_bounded_and_safe() -> None:
    plain = now({"text/plain": "\x1b]0;t\x07" + "x" * (2 << 20)}).data["text/plain"]
    assert "\x1b" not in plain
    assert len(plain) < bundle.MAX_PLAIN + 100
    assert "\x1b" not in now({"text/plain": "\x1b[31mx\x1b[0m" * 50_000}).data["text/plain"]


async def test_html_comes_first_and_alone(parser: Parser) -> None:
    data = {"text/plain": "p", "text/html": "<b>h", "image/png": b64(png(4, 4)), "text/latex": "$"}
    safe = await Shower(parser).show("k", data, {})
    assert set(safe.data) == {"text/plain", "text/html"}
    assert "<b>h</b>" in safe.data["text/html"]
    assert safe.data["text/plain"] == "p"


async def test_what_is_refused_makes_place_for_the_next(parser: Parser) -> None:
    picture = b64(png(4, 4))
    data = {"text/plain": "p", "text/html": "<i>" * 500, "image/png": picture}
    assert (await Shower(parser).show("k", data, {})).data == {
        "text/plain": "p",
        "image/png": picture,
    }
    safe = await Shower(parser).show("k", {"text/plain": "p", "image/svg+xml": "<svg"}, {})
    assert "image/svg+xml: not shown: it is no XML" in safe.data["text/plain"]
    for bad in (1, ["a", 1], {"a": 1}, None):
        safe = await Shower(parser).show("k", {"text/plain": "p", "text/html": bad}, {})
        assert set(safe.data) == {"text/plain"}


async def test_scripts_only_where_allowed_and_in_frames(parser: Parser) -> None:
    data = {"text/plain": "p", "text/html": "<script>x()</script><b>t"}
    html = (await Shower(parser).show("k", data, {})).data["text/html"]
    assert "script>" not in html
    assert "do not run" in html
    html = (await Shower(parser, scripts=True).show("k", data, {})).data["text/html"]
    assert html.count('<iframe sandbox="allow-scripts"') == 1
    assert "x()" in html
    plain = {"text/plain": "p", "text/html": "<b onclick=x()>t"}
    html = (await Shower(parser, scripts=True).show("k", plain, {})).data["text/html"]
    assert "iframe" not in html


async def test_a_cell_has_one_budget(parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "MAX_CELL_TAGS", 100)
    shower = Shower(parser)
    data = {"text/plain": "p", "text/html": "<br>" * 60}
    assert "text/html" in (await shower.show("a", data, {})).data
    assert "text/html" in (await shower.show("a", data, {})).data  # in its place
    assert "text/html" not in (await shower.show("b", data, {})).data
    shower.cleared()
    assert "text/html" in (await shower.show("b", data, {})).data
    monkeypatch.setattr(bundle, "MAX_CELL_PIXELS", 100)
    pictures = Shower(parser)
    for key, shown in (("a", True), ("b", False)):
        safe = pictures.show_now(key, {"text/plain": "p", "image/png": b64(png(8, 8))}, {})
        assert ("image/png" in safe.data) == shown
    source = f"data:image/png;base64,{b64(png(6, 6))}"
    within = f'<p><img alt="x" src="{source}">'
    for key, mime, text, shown in (
        ("a", "text/html", within, True),
        ("b", "text/html", within * 2, False),
        ("c", "text/markdown", f"![]({source})", True),
        ("d", "text/markdown", f"![]({source})", False),
    ):
        found = (await pictures.show(key, {"text/plain": "p", mime: text}, {})).data
        assert ("text/html" in found) == shown
    monkeypatch.setattr(bundle, "MAX_CELL_BYTES", 100)
    texts = Shower(parser)
    assert texts.show_now("a", {"text/plain": "x" * 90}, {}).data == {"text/plain": "x" * 90}
    assert "not shown" in texts.show_now("b", {"text/plain": "x" * 90}, {}).data["text/plain"]


def test_a_note_quotes_nothing_that_acts() -> None:
    for text in ("\\begin{\x1b]0;x\x07}", "\\\x1b"):
        shown = now({"text/plain": "p", "text/latex": text}).data["text/plain"]
        assert "not shown" in shown
        assert "\x1b" not in shown
        assert "\x07" not in shown
