"""Completion, inspection, is_complete, history, help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.kernel.complete import complete
from hypercell.kernel.errors import UsageError
from hypercell.kernel.help_text import overview, topic
from hypercell.kernel.history import History
from hypercell.kernel.inspection import inspect
from hypercell.kernel.is_complete import is_complete
from hypercell.kernel.languages.base import OptionHelp
from hypercell.kernel.languages.wat import Wat
from hypercell.kernel.magics import MAGICS


class Lang(Wat):
    name = "lang"
    common = frozenset({"--add"})
    options = (
        OptionHelp("-O", "LEVEL", "optimise", ("0", "2")),
        OptionHelp("--std", "NAME", "standard", ("c17", "c23")),
        OptionHelp("--db", "FILE", "a database"),
    )
    keywords = ("printf", "print", "int")
    comments = ("//", "/*", "*/")


LANGUAGES = {"lang": Lang(), "wat": Wat()}
FILES = ("util.h", "lib/util.c")


def matches(code: str) -> tuple[str, ...]:
    lines = ("main", "try-2")
    found = complete(code, len(code), languages=LANGUAGES, default="lang", files=FILES, lines=lines)
    assert found.end == len(code)
    assert all(match.startswith(code[found.start : found.end]) for match in found.matches)
    return found.matches


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("%%wa", ("%%wat",)),
        ("%fi", ("%files",)),
        ("%%lang --ti", ("--timeout",)),
        ("%%lang -O", ("-O", "-O0", "-O2")),
        ("%%lang --std c2", ("c23",)),
        ("%%lang --add ", ("lib/util.c", "util.h")),
        ("%%lang --invo", ()),
        ("%%wat --invo", ("--invoke",)),
        ("%%wat --mem ", ()),
        ("%%file ut", ("util.h",)),
        ("%cat lib", ("lib/util.c",)),
        ("%files ", ()),
        ("%help wa", ("wat",)),
        ("%%lang --db ut", ("util.h",)),
        ("%switch ", ("main", "try-2")),
        ("%switch tr", ("try-2",)),
        ("%switch main ", ()),
        ("%pip ", ("install", "list")),
        ("%pip install ", ()),
        ("%fork ", ()),
        ("%un", ("%undo",)),
        ("int x;\npri", ("print", "printf")),
        ("%%wat\n(i32.ad", ("i32.add",)),
        ('#include "ut', ("util.h",)),
        ("%%nothing -", ()),
        ("", ()),
    ],
)
def test_complete(code: str, expected: tuple[str, ...]) -> None:
    assert matches(code) == expected


def test_complete_in_the_middle() -> None:
    found = complete("%%wat --tim 3\n", 11, languages=LANGUAGES, default="lang")
    assert (found.matches, found.start, found.end) == (("--timeout",), 6, 11)


@given(st.text(st.sampled_from('%-abcx \n"#include.'), max_size=40), st.integers(-2, 50))
def test_complete_and_inspect_never_fail(code: str, cursor: int) -> None:
    complete(code, cursor, languages=LANGUAGES, default="lang", files=FILES)
    inspect(code, cursor, languages=LANGUAGES, default="lang")
    is_complete(code, languages=LANGUAGES, default="lang")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("%%wat --mem 3", "%%wat [OPTION…]"),
        ("%files", "%files\n"),
        ("%%lang -O 2", ""),
        ("int x;", ""),
        ("", ""),
    ],
)
def test_inspect(code: str, says: str) -> None:
    found = inspect(code, 3, languages=LANGUAGES, default="lang")
    assert found.startswith(says)
    assert bool(found) == (says != "" or code.startswith("%%lang"))


def test_inspect_options() -> None:
    line = "%%lang --std c23 --mem 3"
    assert "standard" in inspect(line, 8, languages=LANGUAGES, default="lang")
    assert "memory" in inspect(line, 20, languages=LANGUAGES, default="lang")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("int x;", "complete"),
        ("int f() {", "incomplete"),
        ("int f() {\n}", "complete"),
        ('printf("(");', "complete"),
        ("char c = '{';", "complete"),
        ("// {", "complete"),
        ("/* open", "incomplete"),
        ("#define X \\", "incomplete"),
        ("%files", "complete"),
        ("%%wat", "incomplete"),
        ("%%wat\n(module", "incomplete"),
        ("%%wat\n(module ;; (\n)", "complete"),
        ("%%file x\ntext", "incomplete"),
        ("%%file x\ntext\n\n", "complete"),
        ("%%nothing", "invalid"),
        ("%%wat --nothing", "invalid"),
    ],
)
def test_is_complete(code: str, status: str) -> None:
    assert is_complete(code, languages=LANGUAGES, default="lang")[0] == status


def test_history() -> None:
    history = History()
    for number, text in enumerate(["a", "b", "ab", "a"], 1):
        history.add(number, text)
    assert history.reply("tail", False, n=2) == [(1, 3, "ab"), (1, 4, "a")]
    assert history.reply("range", True, start=2, stop=3) == [(1, 2, ("b", None))]
    assert history.reply("search", False, pattern="a*") == [(1, 1, "a"), (1, 3, "ab"), (1, 4, "a")]
    assert history.reply("search", False, pattern="a*", unique=True) == [(1, 3, "ab"), (1, 4, "a")]
    assert history.reply("nonsense", False) == []


def test_help_is_there_for_everything() -> None:
    text = overview(LANGUAGES, "lang")
    for name in (*MAGICS, *LANGUAGES):
        assert f"%{name}" in text
        assert topic(name, LANGUAGES)
    for word in ("--mem", "mem", "%%wat", "file", "--std"):
        assert topic(word, LANGUAGES)
    with pytest.raises(UsageError):
        topic("nothing", LANGUAGES)
