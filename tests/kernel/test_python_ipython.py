"""What people know from IPython: magics, ``?``, the history of values and inputs."""

from __future__ import annotations

import pytest
from python_session import (  # noqa: F401 (fixtures)
    fails,
    hypervisor_fixture,
    plain,
    session_fixture,
    value,
)

from hypercell.kernel.languages.python import VERSION
from hypercell.kernel.result import Ask, Event
from hypercell.kernel.safe_text import without_colours
from hypercell.kernel.session import Session
from hypercell.kernel.traceback_text import error_name

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def shown(session: Session, text: str) -> str:
    result = await session.execute(text)
    assert result.error is None, result.traceback
    return without_colours(result.stdout.decode() + result.text)


async def refused(session: Session, text: str) -> str:
    result = await fails(session, text)
    assert "UsageError" in plain(result)
    return plain(result)


async def test_the_version_that_the_kernel_tells_is_that_of_the_guest(session: Session) -> None:
    assert await value(session, "import platform\nplatform.python_version()") == repr(VERSION)


async def test_values_and_inputs_are_kept(session: Session) -> None:
    await value(session, "1 + 1")
    await value(session, "'b'")
    assert await value(session, "_, __, _1, Out[2], In[1], _i, _ii, len(In)") == (
        "('b', 2, 2, 'b', '1 + 1', \"'b'\", '1 + 1', 4)"
    )
    await value(session, "_ = 'mine'")
    await value(session, "5")
    assert await value(session, "_") == "'mine'"


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("%time sum(range(10))", "Wall time: "),
        ("%time sum(range(10))", "45"),
        ("x = %time 6 * 7\nx", "42"),
        ("t = %timeit -o -q -n 3 -r 2 pass\nt.loops, t.repeat, t.average > 0", "(3, 2, True)"),
        ("%timeit -n 3 -r 2 pass", "per loop (mean ± std. dev. of 2 runs, 3 loops each)"),
        ("%%time\ny = 4\ny * 2", "8"),
        ("%%timeit -n2 -r1 y = 3\ny * 2", "of 1 run, 2 loops each"),
        ("%%python\n%%time\n3", "Wall time"),
        ("%files\n%%time\n3", "/home is empty"),
        ("%%time\nimport asyncio\nawait asyncio.sleep(0, 'slept')", "'slept'"),
        ("if True:\n    z = 1\n    %time z\n%who", "z"),
        ("number, text = 1, 'x'\n%whos str", "text       str    x"),
        ("long = 'ab' * 40\n%whos str", "long       str    " + "ab" * 12 + "a<...>b" + "ab" * 12),
        ("some = {1}\n%whos set", "some       set    {1}"),
        ("get_ipython().__class__.__name__", "'ZMQInteractiveShell'"),
        ("a = 1\n%who_ls int", "['a']"),
        ("%env GREETING=hello\nimport os\nos.environ['GREETING']", "'hello'"),
        ("%env HOME", "'/home'"),
        ("%pwd", "'/home'"),
        ("open('f.txt', 'w').close()\n%ls", "f.txt"),
        ("%cd /tmp\n%pwd", "'/tmp'"),
        ("%lsmagic", "%timeit"),
        ("%%capture out\nprint('kept')", ""),
        ("%%html\n<b>x</b>", "<"),
        ("'%d' % 3", "'3'"),
        ("x = (7\n% 4)\nx", "3"),
        ("s = '''\n%time\n!ls\nx?\n'''\nlen(s)", "14"),
        ("get_ipython().run_line_magic('pwd', '')", "'/home'"),
        ("def f():\n    v = 20\n    r = %time v + 1\n    return r\nf()", "21"),
        ("len?", "Return the number of items in a container."),
        ("?len", "Signature: len(obj, /)"),
        ("def g(a, b=1):\n    'Docs.'\n    return a\ng?", "g(a, b=1)"),
        ("def g(a):\n    return a\ng??", "    return a"),
        ("class K:\n    'A class.'\nK?", "A class."),
        (
            "@__import__('dataclasses').dataclass\nclass D:\n    one: int = 1\nD??",
            "dataclass\nclass D:\n    one: int = 1",
        ),
        ("class L:\n    two = 2\nl = L()\nl??", "class L:\n    two = 2"),
        ("v = [1, 2]\nv?", "Length:      2"),
        ("str.*find?", "str.rfind"),
        ("%time?", "run it once"),
        ("%files?", "what is in /home"),
        ("# first\n%files\n# then\n6 * 7", "/home is empty"),
        ("%time await __import__('asyncio').sleep(0, 'slept')", "'slept'"),
        ("  # pasted\n  for i in [1]:\n    print(i)\n  i + 1", "1\n2"),
        ("  w = 1\n  %who_ls int", "['w']"),
        ("n: int = %time 6 * 7\nn", "42"),
        ("1;", ""),
        ("%%capture\n%time 1 + 1", ""),
        ("(1\n) ; # nothing", ""),
        ("'a;b'", "'a;b'"),
        ("%precision 2\n[2 / 3, 1.0, 5]", "[0.67, 1.00, 5]"),
        ("%precision %.1e\n2 / 3", "6.7e-01"),
        ("%precision\n2 / 3", "0.6666666666666666"),
        ("%%HTML\n<b>x</b>", "<%%HTML>"),
        ("%set_env GREETING hi\n%env GREETING", "'hi'"),
        ("%pprint\nlist(range(100))", "[0, 1, 2, 3, 4, 5"),
    ],
)
async def test_a_cell_shows(session: Session, cell: str, says: str) -> None:
    text = await shown(session, cell)
    assert (says in text) if says else not text


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("!ls", "there is no shell"),
        ("!ls -la", "%ls, %pwd and %cd are there"),
        ("!wget http://example.org/x.csv", "no network"),
        ("!python -i prog.py", "%run FILE"),
        ("%store x", "nothing of a session outlives its kernel"),
        ("%load solution.py", "%cat FILE shows a file, %run FILE runs it"),
        ("%%js\n1", "nothing in the reader's browser"),
        ("%%python3\n1", "a cell without a magic is Python"),
        ("%lprun -f f f()", "%prun is there"),
        ("x = 1\n%pip install y", "%pip, at the top of a cell"),
        ("%cd -", "no other directory yet"),
        ("%%matplotlib\n1", "%%matplotlib is not there"),
        ("%precision x", "%precision takes a number"),
        ("files = !ls", "there is no shell"),
        ("!pip install numpy", "%pip, at the top of a cell"),
        ("%%bash\nls", "there is no shell"),
        ("x = 1\n%nonsense", "there is no magic %nonsense"),
        ("x = 1\n%files", "stand at the top of a cell"),
        ("x = 1\n%%time", "must be the first line"),
        ("%nonsense", "there is no magic %nonsense"),
        ("undefined_name?", "Object `undefined_name` not found."),
        ("str.spl?", "Object `str.spl` not found."),
        ("%run nothing.py", "there is no file nothing.py"),
        ("%env NOTHING_OF_THE_KIND", "has no NOTHING_OF_THE_KIND"),
        ("%time", "%time needs a statement"),
    ],
)
async def test_what_is_not_there_says_so(session: Session, cell: str, says: str) -> None:
    text = await refused(session, cell)
    assert says in text
    assert "python_runtime" not in text


@pytest.mark.parametrize(
    "line", ["%matplotlib inline", "%load_ext line_profiler", "%reload_ext x",
             "%config InlineBackend.figure_format = 'retina'"],
)  # fmt: skip
async def test_what_notebooks_begin_with_is_no_error(session: Session, line: str) -> None:
    result = await session.execute(f"{line}\nimport math\nmath.pi")
    assert result.error is None, result.traceback
    assert b"does nothing here: " in result.stderr
    assert result.text == "3.141592653589793"


async def test_run_a_file(session: Session) -> None:
    await session.execute(
        "%%writefile prog.py\nimport sys\nargs = sys.argv\nprint(__name__)\n"
        "def later():\n    return 1 / 0\n"
    )
    assert await shown(session, "%run prog.py a 'b c'\nargs") == (
        "__main__\n['prog.py', 'a', 'b c']"
    )
    text = plain(await fails(session, "later()"))
    assert 'File "/home/prog.py", line 5, in later\n    return 1 / 0' in text
    await session.execute("%%writefile -a prog.py\nprint(seen)\n")
    assert await shown(session, "seen = 'shared'\n%run -i prog.py") == "__main__\nshared\n"


async def test_captured_output_is_kept(session: Session) -> None:
    await value(session, "%%capture out\nprint('hidden')")
    assert await shown(session, "print(out.stdout, end='')") == "hidden\n"


async def test_tracebacks_through_magics_show_the_cell_as_it_is_written(session: Session) -> None:
    text = plain(await session.execute("x = 0\nfor i in [1]:\n    y = %time 1 / x", label="cell 7"))
    assert text.count('"<cell 7>", line 3') == 2
    assert "    y = %time 1 / x\n              ~~^~~" in text
    assert "python_runtime" not in text
    text = plain(await session.execute("%pwd\n\n%%time\n\n1 / 0", label="cell 8"))
    assert '"<cell 8>"' in text
    text = plain(await session.execute("%%time\n\n1 / 0", label="cell 8"))
    assert '"<cell 8>", line 3, in <module>\n    1 / 0\n    ~~^~~' in text
    text = plain(await session.execute("%pwd\nx = = 1", label="cell 9"))
    assert '"<cell 9>", line 2\n    x = = 1\n        ^' in text


async def test_chained_exceptions_and_groups(session: Session) -> None:
    text = plain(
        await session.execute(
            "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError(0) from e",
            label="cell 3",
        )
    )
    assert "The above exception was the direct cause" in text
    assert text.count('"<cell 3>"') == 2
    text = plain(await session.execute("raise ExceptionGroup('g', [ValueError(1), KeyError(2)])"))
    assert "ValueError: 1" in text
    assert "KeyError: 2" in text


async def test_data_that_is_too_deep_for_cpython(session: Session) -> None:
    await value(session, "kept = 1")
    for cell in (
        "t = []\nfor i in range(100_000): t = [t]\nrepr(t)",
        "t = []\nfor i in range(100_000): t = [t]\ndel t",
        "import json\njson.loads('[' * 200_000)",
    ):
        result = await fails(session, f"kept = 2\n{cell}")
        assert "list_dealloc" not in result.traceback
        assert ("too deeply nested" in result.traceback) == (
            type(result.error).__name__ == "Trap"
        ), result.traceback
        expected = "1" if type(result.error).__name__ == "Trap" else "2"
        assert await value(session, "kept") == expected
        await value(session, "kept = 1")


async def test_warnings_are_shown_once_with_their_line(session: Session) -> None:
    result = await session.execute("for i in range(3):\n    '\\d'\n    x = i is 3", label="cell 2")
    errors = result.stderr.decode()
    assert errors.count("SyntaxWarning") == 2
    assert "<cell 2>:2: SyntaxWarning" in errors
    result = await session.execute(
        "import warnings\nfor i in range(3):\n    warnings.warn('careful')", label="cell 3"
    )
    assert result.stderr.decode() == (
        "<cell 3>:3: UserWarning: careful\n  warnings.warn('careful')\n"
    )


async def test_what_is_typed_secretly_is_asked_for_secretly(session: Session) -> None:
    events: list[Event] = []

    async def answer(limit: int) -> bytes:
        return b"typed\n"

    result = await session.execute(
        "import getpass\n[input('name? '), getpass.getpass(), getpass.getpass('key: '), input()]",
        on_stdin=answer,
        on_event=events.append,
    )
    assert result.error is None
    asked = [event for event in events if isinstance(event, Ask)]
    assert asked == [Ask("name? "), Ask("Password: ", True), Ask("key: ", True), Ask("")]


async def test_a_semicolon_behind_a_magic(session: Session) -> None:
    assert "42" not in await shown(session, "%time 6 * 7;")


async def test_python_is_not_read_as_magic(session: Session) -> None:
    assert await value(session, "a = 10\nb = a \\\n%3\nb") == "1"
    assert await value(session, "x = 5\nx != 4") == "True"
    assert await value(session, "f'{x!r}'") == "'5'"


async def test_what_a_cell_imports_from_the_future_holds_for_those_after_it(
    session: Session,
) -> None:
    define = "def f(x: Missing): return x\nf.__annotations__"
    await fails(session, define)
    assert await value(session, "from __future__ import annotations\n'no string'") == "'no string'"
    strings = "{'x': 'Missing'}"
    assert await value(session, define) == strings
    assert strings in await shown(session, f"%%time\n{define}")
    await value(session, "%time def g(x: Missing): pass")
    assert await value(session, "g.__annotations__") == strings
    names: dict[str, str] = {"exec": "exec('def e(x: Missing): pass')\ne.__annotations__"}
    assert await value(session, names["exec"]) == strings
    await session.execute("%%writefile own.py\ndef h(x: int): pass\n")
    assert await value(session, "%run own.py\nh.__annotations__") == "{'x': int}"
    await value(session, "%undo 7")
    await fails(session, define)
    await value(session, "from __future__ import annotations")
    assert await value(session, define) == strings
    await value(session, "%reset -f")
    await fails(session, define)


async def test_input_of_a_stream_that_the_cell_made(session: Session) -> None:
    cell = "import io, sys\nsys.stdin = io.StringIO('Ada\\n')\n"
    result = await session.execute(f"{cell}[input('name? ')]")
    assert (result.stdout, result.text) == (b"name? ", "['Ada']")
    result = await fails(session, f"{cell}input(), input()")
    assert error_name(result.error) == "EOFError"
    result = await fails(session, "input()")
    assert error_name(result.error) == "StdinNotImplementedError"
