"""``!python FILE.py``: a program of its own in the cell's VM; what else a shell does is refused."""

from __future__ import annotations

import pytest
from python_session import (  # noqa: F401 (fixtures)
    fails,
    hypervisor_fixture,
    plain,
    session_fixture,
    value,
)

from hypercell.kernel.safe_text import without_colours
from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROGRAM = "import sys, helper\nx = helper.double(4)\nprint(__name__, sys.argv[1:], x)\n"


async def write(session: Session, name: str, text: str) -> None:
    await value(session, f"%%writefile {name}\n{text}")


async def test_a_program_sees_its_files_of_now_and_leaves_nothing(session: Session) -> None:
    await write(session, "helper.py", "def double(n): return n * 2")
    await write(session, "prog.py", PROGRAM)
    await value(session, "x = 'mine'\nimport helper, os, sys")
    result = await session.execute("!python prog.py a --b=1")
    assert (result.error, result.stdout) == (None, b"__main__ ['a', '--b=1'] 8\n")
    await write(session, "helper.py", "def double(n): return n * 2000000")
    result = await session.execute("!{sys.executable} prog.py")
    assert result.stdout == b"__main__ [] 8000000\n"
    assert await value(session, "lines = !python3 prog.py\nlines") == "['__main__ [] 8000000']"
    assert await value(session, "x, helper.double(1), sys.argv, os.getcwd()") == (
        "('mine', 2, [''], '/home')"
    )


async def test_how_a_program_ended_is_printed(session: Session) -> None:
    await write(session, "bad.py", "print('before')\ndef f(): return 1 / 0\nf()")
    result = await session.execute("!python bad.py\n'goes on'")
    assert (result.stdout, result.text) == (b"before\n", "'goes on'")
    said = without_colours(result.stderr.decode())
    assert said.startswith('Traceback (most recent call last):\n  File "/home/bad.py", line 3')
    assert said.endswith("ZeroDivisionError: division by zero\n")
    assert "python_runtime" not in said
    await write(session, "leave.py", "import sys, os\nos.chdir('/tmp')\nsys.exit('why')")
    result = await session.execute("!python leave.py\nimport os\nos.getcwd()")
    assert (result.stderr, result.text) == (b"why\n", "'/home'")
    result = await session.execute("!python nothing.py")
    assert result.stderr == b"python: can't open file '/home/nothing.py'\n"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("python prog.py > out.txt", "%run FILE"),
        ("python prog.py | head", "%run FILE"),
        ("python prog.py; ls", "%run FILE"),
        ("python prog.py $HOME", "%run FILE"),
        ("python -c 'print(1)'", "%run FILE"),
        ("python", "%run FILE"),
        ("python -m pip install x", "%pip, at the top of a cell"),
        ("{sys.executable} -m pip install x", "%pip, at the top of a cell"),
    ],
)
async def test_what_needs_a_shell_is_refused(session: Session, command: str, says: str) -> None:
    text = plain(await fails(session, f"!{command}"))
    assert "there is no shell" in text
    assert says in text
