"""Runs the attacks of a front end in a kernel, and asks the witnesses what came of them.

Whether a script ran is told by two witnesses: a listener outside, which hears of any request and
is told the server's token; and the server, through whose API a file is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attacks
from lab import TOKEN, Lab, Listener
from notebook_page import UNPROTECTED, Open
from notebook_view import LAB, NOTEBOOK

# Notebook shows outputs with JupyterLab's own renderers: one attack for each way of being shown.
NAMES = {LAB: list(attacks.ALL), NOTEBOOK: list(attacks.OF_EACH_KIND)}

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
    name: str  # of the notebook
    saved: dict[str, Any]  # the notebook, as its reader saved it


Attacked = Callable[[str, str], Seen]  # kernel, front end


def attack(open_notebook: Open, lab: Lab, listener: Listener, kernel: str, front_end: str) -> Seen:
    """Run them all in a page of their own. ``listener``: the one that they call."""
    names = NAMES[front_end]
    cells = [attacks.cell(name, listener.url) for name in names]
    page = open_notebook(kernel, cells, front_end)
    page.run()
    page.settle()
    for name in attacks.CLICKS:
        if name in names:
            page.evaluate(names.index(name), _CLICK)
            page.settle(100)
    if kernel == UNPROTECTED:
        for name in attacks.TEXTS:
            if name in names:
                page.page.evaluate(_AS_HTML, attacks.as_html(name, listener.url))
        page.settle_until(lambda: all_told(listener, lab, names))
    else:
        page.settle()
    shown = {name: page.text(names.index(name)) for name in names}
    page.save()
    saved = json.loads((lab.files / page.name).read_text())
    heard = told(listener.hits)
    return Seen(*heard, written(lab), shown, list(listener.hits), page.name, saved)


def all_told(listener: Listener, lab: Lab, names: Sequence[str], start: int = 0) -> bool:
    """Whether the listener, from its hit ``start`` on, and the server know of all ``names``."""
    called, token = told(listener.hits[start:])
    scripts = set(names) - set(attacks.REQUESTS)
    files = {path.stem.removeprefix("written-") for path in lab.files.glob("written-*.txt")}
    return called >= set(names) and token >= scripts and files >= scripts


def told(hits: Sequence[str]) -> tuple[set[str], set[str]]:
    """(the attacks that called the listener, those that told it the token)."""
    called = {path.split("?")[0].split("/")[1] for path in hits}
    token = {path.split("?")[0].split("/")[1] for path in hits if path.endswith(f"?{TOKEN}")}
    return called, {name.removeprefix("pwn-") for name in token}


def written(lab: Lab) -> set[str]:
    """The attacks that wrote a file; the files are removed."""
    found = set()
    for path in lab.files.glob("written-*.txt"):
        found.add(path.stem.removeprefix("written-"))
        path.unlink()
    return found
