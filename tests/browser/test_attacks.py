"""Attacks on the reader's browser: each works against ipykernel's raw output, none against ours.

Whether a script ran is told by three witnesses: a listener outside, which hears of any request and
is told the server's token; and the server, through whose API a file is written.
"""

from __future__ import annotations

from typing import NamedTuple

import attacks
import pytest
from lab import TOKEN, Lab, Listener
from notebook_page import PROTECTED, UNPROTECTED, Open

NAMES = list(attacks.ALL)
_CLICK = """node => {
  for (const element of node.querySelectorAll('[data-mime-type="text/html"] :is(a, button, b)'))
    element.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, view: window}));
}"""
_AS_HTML = "text => document.body.append(document.createRange().createContextualFragment(text))"


class Seen(NamedTuple):
    """What the witnesses say after all attacks of a notebook."""

    requests: set[str]  # attacks of which anything got out
    token: set[str]  # that read the token
    written: set[str]  # that wrote a file
    shown: dict[str, str]  # what a reader sees of each
    paths: list[str]  # all that the listener heard


def attack(open_notebook: Open, lab: Lab, kernel: str) -> Seen:
    listener = Listener()
    page = open_notebook(kernel, [attacks.cell(name, listener.url) for name in NAMES])
    page.run()
    page.settle()
    for name in attacks.CLICKS:
        page.evaluate(NAMES.index(name), _CLICK)
        page.settle(100)
    if kernel == UNPROTECTED:
        for name in attacks.TEXTS:
            page.page.evaluate(_AS_HTML, attacks.as_html(name, listener.url))
    page.settle()
    heard = listener.heard()
    shown = {name: page.text(NAMES.index(name)) for name in NAMES}
    listener.close()
    written = {path.stem.removeprefix("written-") for path in lab.files.glob("written-*.txt")}
    for name in written:
        (lab.files / f"written-{name}.txt").unlink()
    told = {path.split("?")[0][1:] for path in listener.hits if path.endswith(f"?{TOKEN}")}
    return Seen(
        heard, {name.removeprefix("pwn-") for name in told}, written, shown, list(listener.hits)
    )


@pytest.fixture(scope="module")
def raw(open_notebook: Open, lab: Lab) -> Seen:
    """What ipykernel lets happen."""
    return attack(open_notebook, lab, UNPROTECTED)


@pytest.fixture(scope="module")
def ours(open_notebook: Open, lab: Lab) -> Seen:
    """What Hypercell lets happen."""
    return attack(open_notebook, lab, PROTECTED)


@pytest.mark.parametrize("name", NAMES)
def test_it_works_without_protection(raw: Seen, name: str) -> None:
    assert name in raw.requests
    if name not in attacks.REQUESTS:
        assert name in raw.token
        assert name in raw.written


@pytest.mark.parametrize("name", NAMES)
def test_it_is_stopped(ours: Seen, name: str) -> None:
    assert name not in ours.requests
    assert name not in ours.token
    assert name not in ours.written


def test_nothing_at_all_got_out(ours: Seen) -> None:
    assert ours.paths == []
    assert not ours.written


def test_the_cells_ran(ours: Seen) -> None:
    """A cell that failed for another reason would prove nothing."""
    for name in NAMES:
        assert "SyntaxError" not in ours.shown[name], ours.shown[name]
        assert "ImportError" not in ours.shown[name], ours.shown[name]
        if name not in ("error", "error-name"):
            assert "Traceback" not in ours.shown[name], ours.shown[name]
    assert "Scripts in this HTML do not run here." in ours.shown["script"]
    assert "scripts do not run here" in ours.shown["javascript"]
    assert "onerror" in ours.shown["error"]
    assert ours.shown["link"].strip() == "click"
