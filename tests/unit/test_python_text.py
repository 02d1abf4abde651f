"""The text of Python cells: where statements begin, magics as Python, the cursor's expression."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.kernel.answers import MAX_MATCHES, Question
from hypercell.kernel.is_complete import is_complete
from hypercell.kernel.languages.python import LANGUAGE
from hypercell.kernel.languages.python_answer import checked
from hypercell.kernel.languages.python_runtime.compiling import cell_magic
from hypercell.kernel.languages.python_runtime.expression import at_cursor, word_at
from hypercell.kernel.languages.python_runtime.magic_names import (
    ABSENT,
    CELL_MAGICS,
    LINE_MAGICS,
)
from hypercell.kernel.languages.python_runtime.scan import is_whole, scan
from hypercell.kernel.languages.python_runtime.transform import transform
from hypercell.kernel.magics import MAGICS
from hypercell.vmm.errors import HypercellError, ProtocolViolation

TEXT = st.text(st.sampled_from("ab%!?=.,()[]{}'\"#\\: \n\t"), max_size=60)


@pytest.mark.parametrize(
    ("source", "python"),
    [
        ("%time f()", "get_ipython().run_line_magic('time', 'f()')"),
        ("x = %time f()", "x = get_ipython().run_line_magic('time', 'f()')"),
        ("a, b = %time f()", "a, b = get_ipython().run_line_magic('time', 'f()')"),
        ("if x:\n    %who\n", "if x:\n    get_ipython().run_line_magic('who', '')\n"),
        ("!ls -l", "get_ipython().system('ls -l')"),
        ("x = !ls", "x = get_ipython().getoutput('ls')"),
        ("a.b?", "get_ipython().run_line_magic('pinfo', 'a.b')"),
        ("a.b??", "get_ipython().run_line_magic('pinfo2', 'a.b')"),
        ("?a", "get_ipython().run_line_magic('pinfo', 'a')"),
        ("%time?", "get_ipython().run_line_magic('pinfo', '%time')"),
        ("%cd it's", """get_ipython().run_line_magic('cd', "it's")"""),
        ("%timeit f(a,\\\n b)\nx", "get_ipython().run_line_magic('timeit', 'f(a,  b)')\n\nx"),
        ("x\n%%time\n", "x\nget_ipython().misplaced('time')\n"),
    ],
)
def test_magics_become_python(source: str, python: str) -> None:
    changed = transform(source)
    assert changed is not None
    assert changed[0] == python
    assert changed[0].count("\n") == source.count("\n")


@pytest.mark.parametrize(
    "source",
    [
        "x = 1 \\\n% 3",
        "x = (1\n%time\n)",
        "'''\n%time\n!ls\n'''",
        "a != b",
        "a %= b",
        "'?'",
        "# a?",
    ],
)
def test_python_is_left_alone(source: str) -> None:
    assert transform(source) is None


@given(TEXT)
def test_no_text_breaks_it(source: str) -> None:
    changed = transform(source)
    assert changed is None or changed[0].count("\n") == source.count("\n")
    scan(source)
    is_whole(source)
    cell_magic(source)
    for cursor in (0, len(source) // 2, len(source)):
        at_cursor(source[:cursor])
        word_at(source, cursor)
    is_complete(source, languages={"python": LANGUAGE}, default="python")


@given(TEXT)
def test_what_python_accepts_is_whole_or_goes_on(source: str) -> None:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return
    assert is_whole(source) != "invalid"


@pytest.mark.parametrize(
    "unit", ["(", "'", '"""', "\\", "a ", "a?", "x = ", "%\\\n", "\n ", ")", "a."]
)
def test_a_long_text_takes_one_pass(unit: str) -> None:
    """A quadratic scan of it would take hours."""
    text = unit * (1_000_000 // len(unit))
    scan(text)
    transform(text)
    at_cursor(text)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("foo.ba", {"word": "ba", "owner": "foo"}),
        ("x = d[0].fo", {"word": "fo", "owner": "d[0]"}),
        ("return f(x)(y).z", {"word": "z", "owner": "f(x)(y)"}),
        ("'abc'.up", {"word": "up", "owner": "'abc'"}),
        ("(a + b).re", {"word": "re", "owner": "(a + b)"}),
        ("1.", {"word": "", "owner": ""}),
        ('d["a', {"subscript": "d", "typed": "a", "string": '"'}),
        ("f(a, b", {"word": "b", "call": "f"}),
        ("%time np.ar", {"word": "ar", "owner": "np"}),
        ("x = %timeit -n 3 foo.b", {"word": "b", "owner": "foo"}),
        ("# a.b", {"comment": True}),
        ("open('da", {"call": "open", "typed": "da"}),
    ],
)
def test_the_cursor(before: str, expected: dict[str, object]) -> None:
    found = at_cursor(before)
    assert {name: getattr(found, name) for name in expected} == expected


def test_the_word_under_the_cursor() -> None:
    assert word_at("foo.bar.baz", 5) == "foo.bar"
    assert word_at("f(a, ", 5) == "f"
    assert word_at("a = os.path.join(b)", 14) == "os.path.join"


def test_names_mean_one_thing() -> None:
    assert not set(LINE_MAGICS) & set(MAGICS)
    assert not set(ABSENT) & {*LINE_MAGICS, *CELL_MAGICS, *MAGICS}
    for name, text in {**LINE_MAGICS, **CELL_MAGICS}.items():
        assert text.lstrip("%").startswith(name)


@given(st.binary(max_size=200), st.sampled_from(["complete", "inspect", "whole", "expressions"]))
def test_an_answer_is_right_or_refused(data: bytes, what: str) -> None:
    question = Question(what, "first = 1\nabc.d", 15)
    for text in (data.decode("latin-1"), '{"matches": [' + data.decode("latin-1") + "]}"):
        try:
            answer = checked(question, text)
        except ProtocolViolation:
            continue
        typed = question.source[answer.start : question.cursor]
        assert all(match.text.startswith(typed) for match in answer.matches)


def test_failures_of_expressions_are_made_safe() -> None:
    question = Question("expressions", '["x"]')
    forged = {
        "number": 7,
        "ename": "No Name",
        "evalue": "\x1b]0;title\x07" * 3,
        "traceback": "\x00t",
    }
    (failure,) = checked(question, json.dumps({"failures": [forged]})).failures
    assert (failure.number, failure.ename) == (7, "Exception")
    assert not {"\x1b", "\x07", "\x00"} & {*failure.evalue, *failure.traceback}
    for wrong in ({"number": "x"}, {"ename": "E"}, [], {"number": 1, "evalue": 5}):
        with pytest.raises(HypercellError):
            checked(question, json.dumps({"failures": [wrong]}))
    many = json.dumps({"failures": [{"number": n} for n in range(5000)]})
    assert len(checked(question, many).failures) <= MAX_MATCHES


def test_completions_only_go_on_from_what_is_typed() -> None:
    question = Question("complete", "first = 1\nabc.d", 15)
    texts = ("def", "x", "d\n", "d\u202e")
    text = json.dumps({"matches": [{"text": text} for text in texts], "start": 14})
    assert [match.text for match in checked(question, text).matches] == ["def"]
    for start in (-1, 16, 5):
        with pytest.raises(HypercellError):
            checked(question, json.dumps({"start": start}))
