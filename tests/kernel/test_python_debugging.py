"""What follows an exception, or a slow cell: ``%debug``, ``pdb``, ``%tb``, ``%prun``."""

from __future__ import annotations

import pytest
from python_session import (  # noqa: F401 (fixtures)
    fails,
    hypervisor_fixture,
    plain,
    session_fixture,
    value,
)

from hypercell.kernel.result import Ask, Event
from hypercell.kernel.safe_text import without_colours
from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD = "def bad(n):\n    inside = n + 1\n    return 1 / n\nbad(0)"


async def test_the_debugger_goes_where_the_last_exception_was_raised(session: Session) -> None:
    events: list[Event] = []
    lines = iter(["p inside", "up", "inside = 5", "nonsense_name", "where", "q"])

    async def answer(limit: int) -> bytes:
        return f"{next(lines)}\n".encode()

    assert "there are none yet" in plain(await fails(session, "%debug"))
    await session.execute(BAD, label="cell 5")
    await value(session, "'another cell between'")
    result = await session.execute("%debug", on_stdin=answer, on_event=events.append)
    assert result.error is None, result.traceback
    assert [event for event in events if isinstance(event, Ask)] == [Ask("(Pdb) ")] * 6
    shown = b"".join(getattr(event, "data", b"") for event in events if not isinstance(event, Ask))
    text = without_colours(shown.decode())
    assert text.startswith("> <cell 5>(3)bad()\n-> return 1 / n\n1\n> <cell 5>(4)<module>()")
    assert "NameError: name 'nonsense_name'" in text
    assert "python_runtime" not in text
    assert await value(session, "inside") == "5"


async def test_without_anybody_who_answers_the_debugger_says_so(session: Session) -> None:
    await session.execute(BAD)
    text = plain(await fails(session, "%debug"))
    assert "UsageError: %debug asks for commands" in text
    assert "/pdb.py" not in text
    result = await session.execute("%%python --stdin 'p inside\\nq'\n%debug")
    assert b"(Pdb) 1\n" in result.stdout


async def test_a_breakpoint(session: Session) -> None:
    result = await session.execute(
        "%%python --stdin 'p total\\nc'\ntotal = 3\nbreakpoint()\ntotal + 1"
    )
    assert result.text == "4"
    assert b"(Pdb) 3\n" in result.stdout


async def test_to_quit_is_asked_for_once(session: Session) -> None:
    cell = "from IPython.core.debugger import set_trace\nset_trace()\nafter = 1"
    text = plain(await fails(session, f"%%python --stdin 'q\\n'\n{cell}"))
    assert text.endswith("bdb.BdbQuit")
    assert "NameError" in plain(await fails(session, "after"))


async def test_the_last_traceback_again(session: Session) -> None:
    result = await session.execute("%tb")
    assert result.stdout == b"No traceback available to show.\n"
    failed = await session.execute(BAD)
    await fails(session, "%nonsense_of_a_magic")
    result = await session.execute("%tb")
    assert without_colours(result.stdout.decode()) == f"{plain(failed)}\n"
    assert await value(session, "import sys\nsys.last_exc, sys.last_type.__name__") == (
        "(ZeroDivisionError('division by zero'), 'ZeroDivisionError')"
    )


async def test_memory_that_was_too_much_is_not_held(session: Session) -> None:
    cell = (
        "def hog():\n    held = [bytes(1 << 20)]\n    while True: held += [bytes(1 << 20)]\nhog()"
    )
    result = await fails(session, f"%%python --mem 64M\n{cell}")
    assert "MemoryError" in plain(result)
    assert await value(session, "import sys\nhasattr(sys, 'last_exc')") == "False"


async def test_which_functions_took_long(session: Session) -> None:
    await value(session, "def slow(n): return sum(i * i for i in range(n))\nresult = 0")
    result = await session.execute("%prun -s cumulative -l 3 result = slow(1000)")
    text = result.stdout.decode()
    assert "Ordered by: cumulative time" in text
    assert "due to restriction <3>" in text
    assert await value(session, "result") == "332833500"
    result = await session.execute("%%prun -l slow\nresult = slow(10)\nresult = -result")
    assert "(slow)" in result.stdout.decode()
    assert await value(session, "result") == "-285"
    cell = "def f():\n    own = 7\n    s = %prun -q -r slow(own)\n    return type(s).__name__\nf()"
    result = await session.execute(cell)
    assert (result.stdout, result.text) == (b"", "'Stats'")
    assert "KEY: calls" in plain(await fails(session, "%prun -s nothing slow(1)"))
    assert "needs a statement" in plain(await fails(session, "%prun"))
