"""The parts of the in-guest runtime that any CPython can run."""

from __future__ import annotations

from typing import Any

from hypercell.kernel.languages.python_runtime import ipython, mimebundle
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
    data, _ = mimebundle.mimebundle(ipython.HTML("x" * (7 << 20)))
    assert set(data) == {"text/plain"}


def test_display_sends_records() -> None:
    records: list[dict[str, Any]] = []
    ipython.attach(records.append)
    try:
        handle = ipython.display(1, display_id=True)
        assert handle is not None
        handle.update(ipython.HTML("<i>"))
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
