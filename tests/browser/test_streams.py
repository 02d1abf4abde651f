"""Text of cells: no escape sequence acts, nothing is invisible, and no length stops the page."""

from __future__ import annotations

import pytest
from notebook_page import PROTECTED, NotebookPage, Open

_MARKUP = "<img src=x onerror=alert(1)>"
CELLS = {
    "link": r"print('\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07')",
    "title": r"print('\x1b]0;REPLACED\x07 \x1bPq\x1b\\ \x9d0;REPLACED\x9c')",
    "cursor": r"print('first'); print('\x1b[A\x1b[2Jsecond')",
    "return": rf"print('x' * 40 + '\r{_MARKUP}')",
    "back": r"print('first'); print('\b' * 40 + '\rsecond')",
    "bidi": r"print('a\u202eb\u2066c'); raise ValueError('d\u202ee')",
    "error": rf"raise ValueError('\x1b]8;;javascript:alert(1)\x07{_MARKUP}\x1b[2J')",
    "chain": "def fail(n):\n    try:\n        n and fail(n - 1)\n        raise ValueError(n)"
    "\n    except ValueError as error:\n        raise KeyError('y' * 2000) from error\nfail(150)",
    "long": "print('x' * 3_000_000)",
    "long error": "raise ValueError('x' * 3_000_000)",
    "marks": r"print('e' + '\u0301' * 100_000)",
    "scripts": r"print('a\u4e00' * 60_000)",
    "value": "'x' * 3_000_000",
    "alive": "print('alive')",
}
NAMES = list(CELLS)
_MOST = 1_100_000  # characters of one cell
_ACTIVE = "node => node.querySelectorAll('img, script, iframe, a[href^=javascript]').length"


@pytest.fixture(scope="module")
def page(open_notebook: Open) -> NotebookPage:
    shown = open_notebook(PROTECTED, list(CELLS.values()))
    shown.run()
    shown.settle()
    return shown


def text(page: NotebookPage, name: str) -> str:
    return page.text(NAMES.index(name))


def test_no_escape_sequence_acts(page: NotebookPage) -> None:
    for number in range(len(NAMES)):
        assert page.evaluate(number, _ACTIVE) == 0
    assert "REPLACED" not in page.page.title()
    assert "\u241b]8;;javascript:alert(1)\u2407click" in text(page, "link")
    assert "\u241b[A\u241b[2Jsecond" in text(page, "cursor")
    assert "\u241b[2J" in text(page, "error")


def test_a_line_overwrites_itself_only(page: NotebookPage) -> None:
    assert text(page, "return").startswith(_MARKUP + "x" * (40 - len(_MARKUP)))
    assert text(page, "back").split() == ["first", "second"]


def test_nothing_is_invisible(page: NotebookPage) -> None:
    shown = text(page, "bidi")
    assert "a\ufffdb\ufffdc" in shown
    assert "\u202e" not in shown


def test_no_length_stops_the_page(page: NotebookPage) -> None:
    for number, name in enumerate(NAMES):
        assert len(str(page.outputs(number))) < _MOST, name
    assert "KeyError" in text(page, "chain")
    assert "more than a page takes" in text(page, "long")
    assert "changes of script" in text(page, "scripts")
    assert text(page, "alive").strip() == "alive"
