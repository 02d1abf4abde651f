"""Completion and inspection from the session's state, and what hostile variables try with it."""

from __future__ import annotations

import pytest
from python_session import hypervisor_fixture, session_fixture, value  # noqa: F401 (fixtures)

from hypercell.kernel.questions import Questions, completion_reply
from hypercell.kernel.safe_text import without_colours
from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATE = """
import math, os
d = {'alpha': 1, 'beta gamma': 2}
items = [1, 2, 3]
def func(first, second=2):
    'What func does.'
class K:
    def meth(self, x): pass
    @property
    def p(self): return 1
k = K()
with open('/home/data.csv', 'w') as file: pass
"""


async def complete(session: Session, code: str) -> dict[str, tuple[str, str]]:
    found = await Questions(session).complete(code, len(code))
    assert found.end == len(code)
    assert all(match.text.startswith(code[found.start :]) for match in found.matches)
    return {match.text: (match.type, match.signature) for match in found.matches}


async def test_completion(session: Session) -> None:
    await value(session, STATE)
    for code, wanted in {
        "fun": {"func": ("function", "(first, second=2)")},
        "k.": {"meth": ("function", "(x)"), "p": ("property", "")},
        "os.path.joi": {"join": ("function", "(a, *p)")},
        "d['a": {"alpha": ("key", "")},
        "d[": {"'alpha'": ("key", ""), "'beta gamma'": ("key", "")},
        "import js": {"json": ("module", "")},
        "from os import path": {"path": ("module", ""), "pathsep": ("instance", "")},
        "'abc'.upp": {"upper": ("function", "(self, /)")},
        "[1].appe": {"append": ("function", "(self, object, /)")},
        "k.p.bit_c": {"bit_count": ("function", "(self, /)")},
        "open('dat": {"data.csv": ("path", "")},
        "%time k.me": {"meth": ("function", "(x)")},
        "import json\njson.load": {"load", "loads"},
        "whil": {"while": ("keyword", "")},
        "%timei": {"%timeit": ("magic", "")},
        "%%timei": {"%%timeit": ("magic", "")},
        "%%time\nfun": {"func"},
        "x = 1\n%who_": {"%who_ls"},
        "my_new = 3\nmy_n": {"my_new"},
        "(items\n   .cou": {"count"},
        "# it": set(),
        "nothing_of_the_kind.a": set(),
        "%%c\nfun": set(),
        "%%sql\nSELE": {"SELECT"},
    }.items():
        found = await complete(session, code)
        assert set(found) >= set(wanted), (code, found)
        if isinstance(wanted, dict):
            assert {name: found[name] for name in wanted} == wanted
        else:
            assert bool(found) == bool(wanted), (code, found)
    assert "first=" in await complete(session, "func(")
    reply = completion_reply(await Questions(session).complete("x = fun", 7))
    assert reply["metadata"]["_jupyter_types_experimental"][0] == {
        "start": 4,
        "end": 7,
        "text": "func",
        "type": "function",
        "signature": "(first, second=2)",
    }


async def test_inspection(session: Session) -> None:
    await value(session, STATE)
    questions = Questions(session)
    for code, cursor, detail, says in (
        ("func", 4, 0, "Signature: func(first, second=2)"),
        ("func", 4, 1, "    'What func does.'"),
        ("x = func(1, ", 12, 0, "What func does."),
        ("func(undefined", 14, 0, "What func does."),
        ("os.path.join(a)", 9, 0, "Signature: join(a, *p)"),
        ("d", 1, 0, "Length:      2"),
        ("%files", 3, 0, "what is in /home"),
        ("%timeit", 3, 0, "run it many times"),
    ):
        assert says in without_colours(await questions.inspect(code, cursor, detail))
    assert await questions.inspect("undefined", 4, 0) == ""
    assert await questions.inspect("for", 2, 0) == ""


async def test_whether_a_cell_is_whole(session: Session) -> None:
    await value(session, "x = 1")
    questions = Questions(session)
    for code, status in {
        "x = 1": "complete",
        "for i in x:": "incomplete",
        "for i in x:\n    pass": "incomplete",
        "for i in x:\n    pass\n\n": "complete",
        "x = = 2": "invalid",
        "f(": "incomplete",
        "f)": "invalid",
        "'''a": "incomplete",
        "'a": "invalid",
        "@decorated": "incomplete",
        "x = \\": "incomplete",
        "await x": "complete",
        "%time x": "complete",
        "%%time\nx": "complete",
        "x?": "complete",
        "%files": "complete",
        "%%python\nx = = 2": "invalid",
        "%%sql\nselect 1": "complete",
        "-" * 150_000 + "1": "invalid",
        "(" * 100_000: "incomplete",
        "(" * 10_000_000: "unknown",
        "x" * 10_000_000: "unknown",
        "x \ud800": "invalid",
        "a\0b": "invalid",
    }.items():
        assert (await questions.is_complete(code))[0] == status, code[:40]
    assert await questions.is_complete("if x:\n  for y in z:") == ("incomplete", "      ")
    assert await value(session, "x") == "1"


async def test_before_the_first_cell_and_during_one_the_text_is_all_there_is(
    session: Session,
) -> None:
    assert "print" in await complete(session, "pri")
    assert (await Questions(session).is_complete("x = (")) == ("incomplete", "    ")


SPIN = "while True: pass"
HOSTILE = {
    "an endless dir": f"class E:\n    def __dir__(self):\n        {SPIN}\ne = E()",
    "an endless attribute": f"class E:\n    def __getattr__(self, n):\n        {SPIN}\ne = E()",
    "a class that aborts": "import os\nclass E:\n    __dir__ = lambda self: os.abort()\n"
    "    __repr__ = __dir__\ne = E()",
    "an exit": "import os\nclass E:\n    __dir__ = lambda self: os._exit(0)\n"
    "    __repr__ = __dir__\ne = E()",
    "a memory hog": "class E:\n    __dir__ = lambda self: [bytearray(1 << 30)]\n"
    "    __repr__ = __dir__\ne = E()",
    "strange names": "class E:\n    def __dir__(self):\n        return [1, 'a\\nb', 'é' * 10**6, "
    "'x y', '\\x1b[2J', 'import os', '\\u202e', 'fine']\ne = E()",
    "a thief of state": "class E:\n    def __dir__(self):\n        global kept\n        kept = 0\n"
    "        open('/home/planted', 'w').write('x')\n        print('seen?')\n        input('?')\n"
    "        return ['fine']\ne = E()",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_variables_do_no_harm(session: Session, name: str) -> None:
    await value(session, f"kept = 1\n{HOSTILE[name]}")
    assert set(await complete(session, "e.")) <= {"fine"}
    text = await Questions(session).inspect("e", 1, 0)
    assert "\x1b[2J" not in text
    assert "kept" in await complete(session, "kep")
    assert await value(session, "kept") == "1"
    assert "planted" not in session.home.files()


ANSWERS = {
    "no JSON": "'{'",
    "a list": "'[1, 2]'",
    "deep": "'[' * 100_000",
    "before the cell": "dumps({'matches': [{'text': 'e.x'}], 'start': -1})",
    "behind the cursor": "dumps({'matches': [{'text': 'e.x'}], 'start': 99})",
    "another line": "dumps({'matches': [{'text': 'first = 1\\ne.x'}], 'start': 0})",
    "other text": "dumps({'matches': [{'text': 'import evil'}, {'text': 'e.\\nb'}, "
    "{'text': 'e.\\x1b[2J'}, {'text': 'e.\\u202eb'}, {'text': 'e.' + 'b' * 5000}, "
    "{'text': 'e.'}], 'start': 10})",
    "of wrong types": "dumps({'matches': [{'text': 1}], 'start': 'x'})",
    "very many": "dumps({'matches': [{'text': 'e.x%d' % n} for n in range(20_000)], 'start': 10})",
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_hostile_answer_is_none(session: Session, name: str) -> None:
    """The cell has taken over the runtime in its VM."""
    await value(
        session,
        "from hypercell.kernel.languages.python_runtime import app\nfrom json import dumps\n"
        f"kept = 1\n_real = app._dumps\napp._dumps = lambda value, **k: "
        f"{ANSWERS[name]} if 'matches' in value or 'text' in value else _real(value, **k)",
    )
    code = "first = 1\ne."
    found = await Questions(session).complete(code, len(code))
    assert len(found.matches) <= 500
    if name != "very many":
        assert {match.text for match in found.matches} <= {"e."}, found
    assert not await Questions(session).inspect("kept", 2, 0)
    assert (await Questions(session).is_complete("x = 1"))[0] == "complete"
    assert await value(session, "kept") == "1"


async def test_an_inspection_is_bounded_and_clean(session: Session) -> None:
    await value(
        session,
        "class E:\n    def __repr__(self): return '\\x1b]0;title\\x07' * 10**6\ne = E()\n"
        "def f(): pass\nf.__doc__ = '\\x1b[2J\\u202e' * 10**6",
    )
    for name in ("e", "f"):
        text = await Questions(session).inspect(name, 1, 0)
        assert text
        assert len(text) <= 64_000
        assert not {"\x07", "\u202e"} & set(text)
        assert "\x1b[2J" not in text
