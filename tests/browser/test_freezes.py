"""Output that is made to stop a page: the page gets little of it, and goes on."""

from __future__ import annotations

import pytest
from notebook_page import PROTECTED, UNPROTECTED, NotebookPage, Open

_PRELUDE = "from IPython.display import *\n"
_NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_LEVELS = 6
_USE = "".join(
    f'<g id="l{n + 1}">' + f'<use xlink:href="#l{n}"/>' * 4 + "</g>" for n in range(_LEVELS)
)
_BOMB = (
    f'<svg {_NS} width="9" height="9"><defs><rect id="l0" width="9" height="9"/>{_USE}</defs>'
    f'<use xlink:href="#l{_LEVELS}"/></svg>'
)
CELLS = {
    "table": f"{_PRELUDE}display(HTML('<table>' + '<tr><td>x<td>y' * 26_000 + '</table>'))",
    "use": f"{_PRELUDE}display(SVG('''{_BOMB}'''))",
    "lines": "print('\\n' * 80_000)",
    "links": "print('http://a.example ' * 2_500)",
    "colours": "print('\\x1b[31mx\\x1b[32m' * 6_000)",
    "displays": "for number in range(1_200):\n    display(number)",
    "alive": "print('alive')",
}
NAMES = list(CELLS)
# name -> what is counted in the page, and how many of it there may be
BOUNDS = {
    "table": ("td", 0),
    "use": ("svg use, img", 1),
    "lines": ("span", 10),
    "links": ("a", 0),
    "colours": ("span", 10),
}


def shown(open_notebook: Open, kernel: str) -> NotebookPage:
    page = open_notebook(kernel, list(CELLS.values()))
    page.run()
    page.settle()
    return page


@pytest.fixture(scope="module")
def ours(open_notebook: Open) -> NotebookPage:
    return shown(open_notebook, PROTECTED)


@pytest.fixture(scope="module")
def raw(open_notebook: Open) -> NotebookPage:
    return shown(open_notebook, UNPROTECTED)


def count(page: NotebookPage, name: str) -> int:
    what = BOUNDS[name][0]
    script = f"node => node.querySelectorAll('{what}').length"
    return int(page.evaluate(NAMES.index(name), script))


def stored(page: NotebookPage, name: str) -> str:
    return str(page.outputs(NAMES.index(name)))


def test_the_page_gets_all_of_it_without_protection(raw: NotebookPage) -> None:
    assert count(raw, "table") == 52_000
    assert count(raw, "colours") > 5_000
    assert count(raw, "links") > 2_000
    assert stored(raw, "lines").count("\\n") > 75_000
    assert "<use" in stored(raw, "use")
    assert len(raw.outputs(NAMES.index("displays"))) == 1_200


def test_the_page_gets_little_of_it(ours: NotebookPage) -> None:
    for name, (_, most) in BOUNDS.items():
        assert count(ours, name) <= most, name
    assert stored(ours, "lines").count("\\n") < 51_000
    assert "<use" not in stored(ours, "use")
    assert len(ours.outputs(NAMES.index("displays"))) <= 1_001
    assert "not shown" in ours.text(NAMES.index("table"))
    assert ours.text(NAMES.index("alive")).strip() == "alive"
