"""The inputs of a kernel, as front ends ask for them, also those that ask for nonsense."""

from __future__ import annotations

from typing import Any

import pytest

from hypercell.kernel.history import Entry, History


@pytest.fixture(name="history")
def history_fixture() -> History:
    made = History()
    for number, text in enumerate(("x = 1", "x", "x = 2", "x"), 1):
        made.add(number, text)
    return made


def numbers(found: list[Entry]) -> list[int]:
    return [number for _, number, _ in found]


@pytest.mark.parametrize(
    ("kind", "request_", "expected"),
    [
        ("tail", {"n": 2}, [3, 4]),
        ("tail", {}, [1, 2, 3, 4]),
        ("tail", {"n": -1}, []),
        ("tail", {"n": "2"}, [1, 2, 3, 4]),
        ("range", {"start": 2, "stop": 4}, [2, 3]),
        ("range", {"start": "a", "stop": []}, [1, 2, 3, 4]),
        ("search", {"pattern": "x =*"}, [1, 3]),
        ("search", {"pattern": "x", "unique": True, "n": 1}, [4]),
        ("search", {"pattern": "x", "n": -1}, [2, 4]),
        ("search", {"pattern": "x", "n": "1"}, [2, 4]),
        ("search", {"pattern": 7}, []),
        ("neither", {}, []),
    ],
)
def test_what_is_asked_for(
    history: History, kind: str, request_: dict[str, Any], expected: list[int]
) -> None:
    assert numbers(history.reply(kind, False, **request_)) == expected


def test_outputs_are_none() -> None:
    made = History()
    made.add(1, "x")
    assert made.reply("tail", True) == [(1, 1, ("x", None))]
