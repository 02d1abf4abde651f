"""Attacks on the reader's browser: each works against ipykernel's raw output, none against ours.

In JupyterLab all of them, in Notebook one of each kind.
"""

from __future__ import annotations

import attacks
import pytest
from attacking import NAMES, Attacked, Seen
from notebook_page import PROTECTED, UNPROTECTED
from notebook_view import FRONT_ENDS, LAB

ALL = [
    pytest.param(front_end, name, id=f"{front_end.partition('/')[0]}-{name}")
    for front_end in FRONT_ENDS
    for name in NAMES[front_end]
]


@pytest.mark.parametrize(("front_end", "name"), ALL)
def test_it_works_without_protection(attacked: Attacked, front_end: str, name: str) -> None:
    raw = attacked(UNPROTECTED, front_end)
    assert name in raw.requests
    if name not in attacks.REQUESTS:
        assert name in raw.token
        assert name in raw.written


@pytest.mark.parametrize(("front_end", "name"), ALL)
def test_it_is_stopped(attacked: Attacked, front_end: str, name: str) -> None:
    ours = attacked(PROTECTED, front_end)
    assert name not in ours.requests
    assert name not in ours.token
    assert name not in ours.written


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_nothing_at_all_got_out(attacked: Attacked, front_end: str) -> None:
    ours = attacked(PROTECTED, front_end)
    assert ours.paths == []
    assert not ours.written


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_the_cells_ran(attacked: Attacked, front_end: str) -> None:
    """A cell that failed for another reason would prove nothing."""
    ours = attacked(PROTECTED, front_end)
    for name in NAMES[front_end]:
        assert "SyntaxError" not in ours.shown[name], ours.shown[name]
        assert "ImportError" not in ours.shown[name], ours.shown[name]
        if name not in ("error", "error-name"):
            assert "Traceback" not in ours.shown[name], ours.shown[name]
    assert_inert(ours)


def assert_inert(ours: Seen) -> None:
    """The harmless rest is there, and says what is gone."""
    assert "Scripts in this HTML do not run here." in ours.shown["script"]
    assert "scripts do not run here" in ours.shown["javascript"]
    assert "onerror" in ours.shown["error"]
    assert ours.shown["link"].strip() == "click"


def test_every_kind_is_an_attack() -> None:
    assert set(attacks.OF_EACH_KIND) < set(NAMES[LAB])
