"""Saved notebooks: whoever opens one without running it, or its HTML, meets the outputs again."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import attacks
import nbformat
import pytest
from attacking import NAMES, Attacked, all_told, told, written
from lab import Lab, Listener
from nbconvert import HTMLExporter
from notebook_page import PROTECTED, UNPROTECTED
from notebook_view import FRONT_ENDS, LAB, NOTEBOOK, NotebookView
from playwright.sync_api import BrowserContext

Listeners = dict[tuple[str, str], Listener]  # by kernel and front end
# What works again without protection, for a reader who ran nothing.
_SCRIPTS = [name for name in attacks.SCRIPTS if name in NAMES[NOTEBOOK]]
_REQUESTS = ["picture", "css", "vega"]
_EXPORTED = [*(set(attacks.SCRIPTS) - {"javascript"}), "picture", "css", "style-sheet"]
_ELSEWHERE = "https://**"  # what nbconvert's pages load for themselves


class After(NamedTuple):
    """What came of opening a notebook."""

    requests: set[str]  # attacks of which anything got out
    token: set[str]  # that read the token
    written: set[str]  # that wrote a file
    text: str


class Opened(Protocol):
    """``again``: the attacks that are known to work, which are waited for."""

    def __call__(
        self, kernel: str, front_end: str, trusted: bool, again: Sequence[str] = ()
    ) -> After: ...


@pytest.fixture(scope="module")
def opened(
    context: BrowserContext,
    lab: Lab,
    attacked: Attacked,
    listeners: Listeners,
) -> Opened:
    """Opens the notebook of a kernel in a new page, and runs nothing."""

    def make(kernel: str, front_end: str, trusted: bool, again: Sequence[str] = ()) -> After:
        seen = attacked(kernel, front_end)
        listener = listeners[kernel, front_end]
        before = len(listener.hits)
        notebook = copy.deepcopy(seen.saved)
        if not trusted:  # the server's signature is for another text
            notebook["metadata"]["touched"] = True
        (lab.files / seen.name).write_text(json.dumps(notebook))
        view = NotebookView(context, lab, seen.name, front_end)
        view.settle_until(lambda: all_told(listener, lab, again, before))
        view.settle()
        assert view.trusted == trusted
        text = "\n".join(view.text(number) for number in range(len(NAMES[front_end])))
        view.page.close()
        return After(*told(listener.hits[before:]), written(lab), text)

    return make


def test_scripts_run_again_without_protection(opened: Opened) -> None:
    after = opened(UNPROTECTED, NOTEBOOK, True, _SCRIPTS)
    assert set(_SCRIPTS) <= after.token
    assert set(_SCRIPTS) <= after.written


def test_requests_are_made_again_without_protection(opened: Opened) -> None:
    after = opened(UNPROTECTED, NOTEBOOK, False, _REQUESTS)
    assert set(_REQUESTS) <= after.requests
    assert not after.token


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_saved_notebook_does_nothing(opened: Opened, front_end: str, trusted: bool) -> None:
    after = opened(PROTECTED, front_end, trusted)
    assert not after.requests
    assert not after.token
    assert not after.written
    assert "Scripts in this HTML do not run here." in after.text


def exported(
    context: BrowserContext, notebook: dict[str, Any], listener: Listener, folder: Path, wait: int
) -> tuple[set[str], str]:
    """(attacks that called out of the page that nbconvert makes, what its reader sees)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of types that it does not know
        body, _ = HTMLExporter().from_notebook_node(nbformat.reads(json.dumps(notebook), 4))
    (folder / "exported.html").write_text(body)
    before = len(listener.hits)
    page = context.new_page()
    page.route(_ELSEWHERE, lambda route: route.abort())
    page.goto((folder / "exported.html").as_uri())
    for _ in range(wait // 100):
        if told(listener.hits[before:])[0] >= set(_EXPORTED):
            break
        page.wait_for_timeout(100)
    text = page.inner_text("body")
    page.close()
    return told(listener.hits[before:])[0], text


def test_exported_html_is_live_without_protection(
    context: BrowserContext, attacked: Attacked, listeners: Listeners, tmp_path: Path
) -> None:
    notebook = attacked(UNPROTECTED, LAB).saved
    requests, _ = exported(context, notebook, listeners[UNPROTECTED, LAB], tmp_path, 60_000)
    assert set(_EXPORTED) <= requests


def test_exported_html_does_nothing(
    context: BrowserContext, attacked: Attacked, listeners: Listeners, tmp_path: Path
) -> None:
    notebook = attacked(PROTECTED, LAB).saved
    requests, text = exported(context, notebook, listeners[PROTECTED, LAB], tmp_path, 1500)
    assert not requests
    assert "click" in text
    assert "Scripts in this HTML do not run here." in text
