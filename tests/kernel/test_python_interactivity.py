"""What a cell shows of its values, what ``%%capture`` keeps, what is a magic without a ``%``."""

from __future__ import annotations

import pytest
from python_session import (  # noqa: F401 (fixtures)
    fails,
    hypervisor_fixture,
    plain,
    session_fixture,
    value,
)

from hypercell.kernel.languages.python_runtime.transform import automagic
from hypercell.kernel.result import Display, Event, Stream
from hypercell.kernel.session import Session
from hypercell.kernel.toolchains.lock import PypiPin, lock

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def shows(session: Session, cell: str) -> tuple[dict[str, str], list[str]]:
    """What is printed, and the texts of what is shown one after the other."""
    events: list[Event] = []
    result = await session.execute(cell, on_event=events.append)
    assert result.error is None, result.traceback
    printed = {"stdout": "", "stderr": ""}
    for event in events:
        if isinstance(event, Stream):
            printed[event.name] += event.data.decode()
    return printed, [event.data["text/plain"] for event in events if isinstance(event, Display)]


@pytest.mark.parametrize(
    ("which", "cell", "texts"),
    [
        ("all", "1\nx = 2\nif x:\n    3\nNone\n'four'\n5", ["1", "'four'", "5"]),
        ("all", "import asyncio\nawait asyncio.sleep(0, 'slept')\n6", ["'slept'", "6"]),
        ("last_expr_or_assign", "x = 1\ny = x + 1", ["2"]),
        ("last_expr_or_assign", "a, b = 1, 2", []),
        ("last_expr_or_assign", "n: int = 3", ["3"]),
        ("last_expr_or_assign", "m: int", []),
        ("none", "1\n2", []),
        ("last_expr", "1\n2", ["2"]),
    ],
)
async def test_whose_values_are_shown(
    session: Session, which: str, cell: str, texts: list[str]
) -> None:
    name = "InteractiveShell.ast_node_interactivity"
    if len(texts) > 1:  # one way to say it, and the other
        module = "from IPython.core.interactiveshell import InteractiveShell"
        await session.execute(f"{module}\n{name} = {which!r}")
    else:
        await session.execute(f"%config {name} = {which!r}")
    assert (await shows(session, cell))[1] == texts
    assert (await shows(session, f"%config {name}"))[1] == [] if which == "none" else [repr(which)]


async def test_values_that_are_shown_between_are_kept(session: Session) -> None:
    await session.execute("%config InteractiveShell.ast_node_interactivity = 'all'")
    await session.execute("1\n'two'\n3")
    assert (await shows(session, "_, __, ___, Out[2]"))[1] == ["(3, 'two', 1, 3)"]
    text = plain(await session.execute("5\n  \n1 / 0\n6", label="cell 4"))
    assert '"<cell 4>", line 3, in <module>\n    1 / 0\n    ~~^~~' in text
    assert "python_runtime" not in text
    assert "it is all, last," in plain(
        await fails(session, "%config InteractiveShell.ast_node_interactivity = 'some'")
    )
    await value(session, "%undo 5")
    assert (await shows(session, "1\n2"))[1] == ["2"]


async def test_all_that_is_shown_is_captured(session: Session) -> None:
    cell = "import sys\nprint('out')\nsys.stderr.write('err')\ndisplay('shown')\n7"
    printed, texts = await shows(session, f"%%capture kept\n{cell}")
    assert (*printed.values(), texts) == ("", "", [])
    assert await value(session, "kept.stdout, kept.stderr, [o.data for o in kept.outputs]") == (
        "('out\\n', 'err', [{'text/plain': \"'shown'\"}, {'text/plain': '7'}])"
    )
    printed, texts = await shows(session, "kept()")
    assert (*printed.values(), texts) == ("out\n", "err", ["'shown'", "7"])
    assert (await shows(session, "kept.outputs[0]"))[1] == ["'shown'"]
    printed, texts = await shows(session, f"%%capture --no-stderr --no-display part\n{cell}")
    assert (*printed.values(), texts) == ("", "err", ["'shown'", "7"])
    assert await value(session, "part.stdout, part.stderr, part.outputs") == "('out\\n', '', [])"
    assert "--no-stdout" in plain(await fails(session, "%%capture one two\n1"))
    await fails(session, "%%capture kept\nprint('before')\n1 / 0")
    assert await value(session, "kept.stdout") == "'before\\n'"


async def test_a_part_of_a_cell_is_captured(session: Session) -> None:
    cell = (
        "from IPython.utils.capture import capture_output\nprint('before')\n"
        "with capture_output(stderr=False) as kept:\n    print('in')\n    display(1)\n"
        "kept.stdout, len(kept.outputs)"
    )
    printed, texts = await shows(session, cell)
    assert (printed["stdout"], texts) == ("before\n", ["('in\\n', 1)"])


async def test_a_magic_on_a_line_of_its_own_needs_no_sign(session: Session) -> None:
    assert await value(session, "pwd") == "'/home'"
    printed, _ = await shows(session, "cd /tmp\n")
    assert printed["stdout"] == "/tmp\n"
    printed, _ = await shows(session, "  cd -")
    assert printed["stdout"] == "/home\n"
    assert "%pip, at the top of a cell" in plain(await fails(session, "pip install requests"))
    assert "NameError" in plain(await fails(session, "pwd\npwd"))
    assert await value(session, "pwd = 5\npwd") == "5"
    assert await value(session, "pwd") == "5"


@pytest.mark.parametrize(
    "cell",
    ["ls = 1", "ls == 1", "ls.x", "ls(1)", "ls [1]", "ls, 1", "x", "lsx", "time", "print", "ls: 1",
     "ls  = 1", "ls\n1", "who: int = 3", "", "# ls", "'ls'"],
)  # fmt: skip
async def test_what_is_no_magic_stays_as_it_is(cell: str) -> None:
    assert automagic(cell, {"time": 1}) == cell


async def test_the_history_of_some_cells(session: Session) -> None:
    for cell in ("a = 1", "def f():\n    return 2", "b = 3"):
        await value(session, cell)
    text = (await session.execute("%history -n 1-2")).stdout.decode()
    assert text == "   1: a = 1\n   2:\ndef f():\n    return 2\n"
    assert (await session.execute("%hist 3 1")).stdout == b"a = 1\nb = 3\n"
    assert (await session.execute("%history -l 2")).stdout == b"%history -n 1-2\n%hist 3 1\n"
    assert "FIRST-LAST" in plain(await fails(session, "%history all"))


async def test_the_version_of_ipython_is_that_in_the_lock_file(session: Session) -> None:
    pin = lock().toolchains["python"]
    assert isinstance(pin, PypiPin)
    pinned = {library.package: library.version for library in pin.libraries}["ipython"]
    assert await value(session, "import IPython\nIPython.__version__") == repr(pinned)
