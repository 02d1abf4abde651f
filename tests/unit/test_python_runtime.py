"""The parts of the in-guest runtime that any CPython can run."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hypercell.kernel.languages.python_runtime import display_objects, ipython, mimebundle
from hypercell.kernel.toolchains import runtime_files


class Rich:
    def __repr__(self) -> str:
        return "plain"

    def _repr_html_(self) -> str:
        return "<b>"

    def _repr_png_(self) -> bytes:
        return b"\x00"

    def _repr_svg_(self) -> None:
        return None


class Bundle:
    def _repr_mimebundle_(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"text/plain": "p", "text/html": "h"}, {"a": 1}


class Anything:
    def __getattr__(self, name: str) -> Any:
        return lambda: "everything"

    def __repr__(self) -> str:
        return "anything"


def test_the_methods_of_a_value_are_asked() -> None:
    assert mimebundle.mimebundle(Rich())[0] == {
        "text/html": "<b>",
        "image/png": "AA==",
        "text/plain": "plain",
    }
    assert mimebundle.mimebundle(Bundle()) == ({"text/plain": "p", "text/html": "h"}, {"a": 1})
    assert mimebundle.mimebundle(Anything())[0] == {"text/plain": "anything"}
    assert set(mimebundle.mimebundle(Rich)[0]) == {"text/plain"}


def test_what_is_large_is_cut() -> None:
    data, _ = mimebundle.mimebundle("x" * (2 << 20))
    assert len(data["text/plain"]) < mimebundle.MAX_TEXT + 100
    assert "more characters" in data["text/plain"]
    data, _ = mimebundle.mimebundle(display_objects.HTML("x" * (7 << 20)))
    assert set(data) == {"text/plain"}


def test_display_sends_records() -> None:
    records: list[dict[str, Any]] = []
    ipython.attach(records.append)
    try:
        handle = ipython.display(1, display_id=True)
        assert handle is not None
        handle.update(display_objects.HTML("<i>"))
        ipython.clear_output(wait=True)
    finally:
        ipython.attach(lambda record: None)
    assert [record["kind"] for record in records] == ["display", "update", "clear"]
    assert records[0]["id"] == records[1]["id"] == handle.display_id
    assert records[1]["data"]["text/html"] == "<i>"


def test_every_file_of_the_runtime_is_in_its_digest(tmp_path: Any) -> None:
    names = set(runtime_files.files())
    assert {"app.py", "cells.py", "world.wit", "display.wit"} <= names
    app, wit = runtime_files.write(tmp_path)
    written = {path.name for path in (*app.rglob("*.*"), *wit.rglob("*.*"))}
    assert written == names


def records_of(act: Callable[[], object]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    ipython.attach(records.append)
    try:
        act()
    finally:
        ipython.attach(lambda record: None)
    return records


def test_a_value_may_show_itself() -> None:
    class Own:
        def _ipython_display_(self) -> None:
            ipython.display(display_objects.HTML("<i>"))

    for act in (lambda: ipython.display(Own()), lambda: ipython.show(Own(), result=True)):
        (record,) = records_of(act)
        assert record["kind"] == "display"
        assert record["data"]["text/html"] == "<i>"


def test_a_representation_that_fails_is_said_and_the_others_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken:
        def _repr_html_(self) -> str:
            raise ValueError("no HTML today")

        def _repr_latex_(self) -> str:
            raise NotImplementedError

        def _repr_markdown_(self) -> str:
            return "*m*"

        def __repr__(self) -> str:
            return "broken"

    data, _ = mimebundle.mimebundle(Broken())
    assert data == {"text/markdown": "*m*", "text/plain": "broken"}
    said = capsys.readouterr().err
    assert "no HTML today" in said
    assert "NotImplementedError" not in said


def test_include_and_exclude() -> None:
    class Both:
        _repr_html_ = _repr_markdown_ = lambda self: "x"

    for named in ({"include": ["text/html"]}, {"exclude": ["text/markdown"]}):
        (record,) = records_of(lambda named=named: ipython.display(Both(), **named))
        assert set(record["data"]) == {"text/html", "text/plain"}


def test_the_classes(tmp_path: Path) -> None:
    classes = {kind.__name__: kind for kind in display_objects.CLASSES}

    def shown(name: str, *data: Any, **named: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return mimebundle.mimebundle(classes[name](*data, **named))

    file = tmp_path / "a.png"
    file.write_bytes(b"\x89PNG...")
    for given in ({"filename": str(file)}, {"data": file}, {"data": str(file)}):
        data, metadata = shown("Image", **given, width=3)
        assert data["image/png"] == "iVBORy4uLg=="
        assert metadata == {"image/png": {"width": 3}}
    assert "image/jpeg" in shown("Image", b"\xff\xd8\xff")[0]
    assert shown("JSON", '{"a": 1}')[0]["application/json"] == {"a": 1}
    assert shown("JSON", [1], expanded=True, root="r")[0]["application/json"] == [1]
    assert shown("Math", "$x$")[0]["text/latex"] == "$\\displaystyle x$"
    assert shown("Code", "a < b")[0]["text/html"] == "<pre><code>a &lt; b</code></pre>"
    assert shown("Pretty", "p")[0] == {"text/plain": "p"}
    assert "application/javascript" in shown("Javascript", "x")[0]
    for name in ("Image", "IFrame", "Audio", "Video", "YouTubeVideo", "FileLink"):
        (plain,) = shown(name, "https://example.org/a.png")[0].values()
        assert "example.org" in plain
        assert "not shown" in plain
    with pytest.raises(OSError, match="no network"):
        classes["HTML"]("https://example.org/a.html")


def test_it_can_be_imported_as_people_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPython", "IPython.display", "IPython.core", "IPython.core.display"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr(builtins, "display", raising=False)
    try:
        ipython.install()
        from IPython.core.display import HTML
        from IPython.display import clear_output, display, display_html

        assert HTML is display_objects.HTML
        assert display is ipython.display
        (record,) = records_of(lambda: display_html("<b>", raw=True))
        assert record["data"] == {"text/html": "<b>"}
        assert records_of(clear_output) == [{"kind": "clear", "wait": False}]
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "IPython"]:
            del sys.modules[name]
        vars(builtins).pop("display", None)
