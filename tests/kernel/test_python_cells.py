"""Python cells for real: CPython in a VM, its variables in snapshots."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

import pytest
from python_session import fails, hypervisor_fixture, plain, session_fixture, value  # noqa: F401 (fixtures)

from hypercell.kernel.config import Config
from hypercell.kernel.errors import CellException, UsageError
from hypercell.kernel.result import Event
from hypercell.kernel.session import Session
from hypercell.vmm import Hypervisor
from hypercell.vmm.errors import ExitStatus, Interrupted, TimedOut, Trap, WorkerLost

pytestmark = pytest.mark.asyncio(loop_scope="module")


def kill_workers(hypervisor: Hypervisor) -> None:
    for pid in hypervisor.processes()["workers"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# --- state ----------------------------------------------------------------------------------------


async def test_variables_live_from_cell_to_cell(session: Session) -> None:
    assert await value(session, "x = 20") == ""
    await value(session, "def twice(n):\n    return 2 * n")
    assert await value(session, "x += 1\ntwice(x)") == "42"
    assert await value(session, "_ + 1") == "43"
    assert await value(session, "Out[3]") == "42"
    assert await value(session, "import sys\nsys.modules['__main__'].x") == "21"


async def test_memory_in_many_slots_is_kept(session: Session) -> None:
    """What touches in the guest lies apart in the host."""
    await value(session, "big = bytearray(150_000_000)\nbig[::4096] = b'x' * len(big[::4096])")
    assert await value(session, "len(big), big.count(b'x')") == "(150000000, 36622)"
    await value(session, "del big")


async def test_an_exception_keeps_what_ran_before_it(session: Session) -> None:
    result = await fails(session, "before = 1\n1 / 0\nafter = 1")
    assert isinstance(result.error, CellException)
    assert result.error.name == "ZeroDivisionError"
    assert result.error.message == "division by zero"
    assert await value(session, "before, 'after' in globals()") == "(1, False)"


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("x = 'lost'\nimport os\nos.abort()", Trap),
        ("x = 'lost'\nimport os\nos._exit(0)", ExitStatus),
        ("x = 'lost'\nimport os\nos._exit(3)", ExitStatus),
        ("%%python --timeout 0.5\nx = 'lost'\nwhile True: pass", TimedOut),
        ("%%python --timeout 0.5\nx = 'lost'\nimport time\ntime.sleep(60)", TimedOut),
        ("x = 'lost'\nt = []\nfor i in range(100000):\n    t = [t]\nrepr(t)", Trap),
    ],
)
async def test_a_bad_end_leaves_the_variables_as_they_were(
    session: Session, cell: str, error: type[Exception]
) -> None:
    await value(session, "x = 'kept'")
    result = await fails(session, cell)
    assert isinstance(result.error, error), result.error
    assert await value(session, "x") == "'kept'"


async def test_an_interrupt_leaves_the_variables_as_they_were(session: Session) -> None:
    await value(session, "x = 'kept'")
    seen = asyncio.Event()
    running = asyncio.create_task(
        session.execute("x = 'lost'\nprint('on')\nwhile True: pass", on_event=lambda _: seen.set())
    )
    await seen.wait()
    session.interrupt()
    assert isinstance((await running).error, Interrupted)
    assert await value(session, "x") == "'kept'"


async def test_a_killed_worker_leaves_the_variables_as_they_were(session: Session) -> None:
    await value(session, "x = 'kept'")
    hypervisor = await session.hypervisor()
    seen = asyncio.Event()
    running = asyncio.create_task(
        session.execute("x = 'lost'\nprint('on')\nwhile True: pass", on_event=lambda _: seen.set())
    )
    await seen.wait()
    kill_workers(hypervisor)
    assert isinstance((await running).error, WorkerLost)
    assert await value(session, "x") == "'kept'"


@pytest.mark.parametrize("seconds", [0.0, 0.003, 0.01, 0.03])
async def test_a_worker_killed_at_its_commit_loses_one_cell_at_most(
    session: Session, seconds: float
) -> None:
    hypervisor = await session.hypervisor()
    while isinstance((await session.execute("0")).error, WorkerLost):
        pass  # one that the test before killed: its death was not known yet
    await value(session, "x = 1\ny = 1")
    await value(session, "_")  # waits for the commit of the cell before
    await hypervisor.filled()
    await value(session, "x = 2\ny = 2")
    await asyncio.sleep(seconds)
    kill_workers(hypervisor)
    said = b""
    while True:
        result = await session.execute("x, y")
        said += result.stderr
        if not isinstance(result.error, WorkerLost):  # its death was not known yet
            break
    assert result.text in ("(1, 1)", "(2, 2)")
    assert (b"could not be kept" in said) == (result.text == "(1, 1)")


async def test_undo_goes_back_with_home(session: Session) -> None:
    await value(session, "x = 1")
    await value(session, "x = 2\nopen('/home/a.txt', 'w').write('a')")
    await value(session, "x = 3")
    assert set(session.home.files()) == {"a.txt"}
    assert "cell" in (await session.execute("%undo 2")).text
    assert set(session.home.files()) == set()
    assert await value(session, "import os\nx, os.listdir('/home')") == "(1, [])"
    assert isinstance((await fails(session, "%undo 99")).error, UsageError)
    assert isinstance((await fails(session, "%undo x")).error, UsageError)


async def test_reset_as_in_ipython_leaves_the_files(session: Session) -> None:
    await value(session, "x = 1\nopen('kept.txt', 'w').write('kept')")
    assert (await session.execute("%reset -f")).text == "no variables are left"
    assert await value(session, "open('kept.txt').read()") == "'kept'"
    assert "NameError" in (await fails(session, "x")).traceback
    assert "takes -f or nothing" in (await fails(session, "%reset -a")).traceback


async def test_snapshots_and_reset(session: Session) -> None:
    await value(session, "%%python --name first\nx = 1")
    text = (await session.execute("%snapshots")).text
    assert "start" in text
    assert "first" in text
    await session.execute("%reset")
    assert isinstance((await fails(session, "x")).error, CellException)


async def test_fresh_sees_and_leaves_nothing(session: Session) -> None:
    await value(session, "x = 1\nopen('/home/f', 'w').close()")
    found = "sorted(name for name in globals() if not name.startswith('_')), os.listdir('/home')"
    assert (
        await value(session, f"%%python --fresh\nimport os\n{found}") == "(['In', 'Out', 'os'], [])"
    )
    await value(session, "%%python --fresh\nx = 2")
    assert await value(session, "x") == "1"


async def test_two_sessions_share_nothing(hypervisor: Hypervisor, session: Session) -> None:
    async with Session(Config(language="python"), hypervisor=hypervisor) as other:
        await asyncio.gather(value(session, "x = 1"), value(other, "y = 2"))
        assert isinstance((await fails(other, "x")).error, CellException)
        assert isinstance((await fails(session, "y")).error, CellException)


async def test_no_two_cells_share_a_random_stream(session: Session) -> None:
    draw = "import random, uuid, secrets\nrandom.random(), uuid.uuid4(), secrets.token_hex(8)"
    await value(session, "import random\nrandom.random()")
    seen = set()
    for _ in range(3):  # three times from the same state
        seen.add(await value(session, draw))
        await session.execute("%undo")
    assert len(seen) == 3


async def test_a_seed_of_the_users_holds(session: Session) -> None:
    import random

    await value(session, "import random\nrandom.seed(7)")
    assert await value(session, "random.random()") == repr(random.Random(7).random())  # noqa: S311


# --- files and input ------------------------------------------------------------------------------


async def test_home_is_shared_with_other_languages(session: Session) -> None:
    await session.execute("%%file data/x.txt\nfrom a magic\n")
    assert await value(session, "open('data/x.txt').read()") == r"'from a magic\n'"
    await value(session, "with open('/home/out.txt', 'w') as f: f.write('from Python')")
    assert session.home.read("out.txt") == b"from Python"
    await value(session, "import os\nos.remove('/home/out.txt')")
    assert "out.txt" not in session.home.files()


async def test_a_module_of_home_can_be_imported(session: Session) -> None:
    await session.execute("%%file helper.py\nANSWER = 42\n")
    assert await value(session, "import helper\nhelper.ANSWER") == "42"
    await session.execute("%%file second.py\nANSWER = 43\n")
    assert await value(session, "import second\nsecond.ANSWER") == "43"


async def test_input(session: Session) -> None:
    lines = iter([b"Ada\n", b"36\n", b""])

    async def answer(limit: int) -> bytes:
        return next(lines)

    result = await session.execute(
        "name = input('name? ')\nage = int(input())\nname, age", on_stdin=answer
    )
    assert (result.text, result.stdout) == ("('Ada', 36)", b"name? ")
    result = await session.execute("input()", on_stdin=answer)
    assert isinstance(result.error, CellException)
    assert result.error.name == "EOFError"
    assert await value(session, "%%python --stdin 'a\\nb\\n'\nimport sys\nsys.stdin.read()") == (
        r"'a\nb\n'"
    )


async def test_arguments_and_environment(session: Session) -> None:
    text = "%%python --args a b --env K=V\nimport sys, os\nsys.argv, os.environ['K']"
    assert await value(session, text) == "(['', 'a', 'b'], 'V')"


# --- what is shown --------------------------------------------------------------------------------


async def test_output_comes_as_it_is_printed_and_in_order(session: Session) -> None:
    times: list[tuple[float, Event]] = []
    await session.execute("pass")  # Python is started: that would be an event of its own
    await session.execute(
        "import time\nprint('a', end='')\ntime.sleep(1)\ndisplay(1)\nprint('b')\n2",
        on_event=lambda event: times.append((time.monotonic(), event)),
    )
    assert [getattr(event, "data", None) for _, event in times] == [
        b"a",
        {"text/plain": "1"},
        b"b\n",
        {"text/plain": "2"},
    ]
    assert times[1][0] - times[0][0] > 0.1


@pytest.mark.parametrize("cell", ["1;", "None", "x = 1", "", "# only a comment", "print()"])
async def test_nothing_is_shown(session: Session, cell: str) -> None:
    assert await value(session, cell) == ""


async def test_a_traceback_points_into_the_cell(session: Session) -> None:
    await session.execute("def f(n):\n    return 1 / n", label="cell 1")
    result = await session.execute("%%python\n\nf(\n  0)", label="cell 2")
    text = plain(result)
    assert '"<cell 2>", line 3, in <module>' in text
    assert '"<cell 1>", line 2, in f\n    return 1 / n\n           ~~^~~' in text
    assert "python_runtime" not in text
    assert "\x1b[" in result.traceback


async def test_a_syntax_error_points_into_the_cell(session: Session) -> None:
    result = await session.execute("%%python\nx = 1\ny = (2", label="cell 5")
    text = plain(result)
    assert '"<cell 5>", line 3' in text
    assert "'(' was never closed" in text


async def test_endless_recursion_is_an_error_of_python(session: Session) -> None:
    result = await fails(session, "def f(n):\n    return f(n + 1)\nf(0)")
    assert isinstance(result.error, CellException)
    assert result.error.name == "RecursionError"
    assert await value(session, "1 + 1") == "2"


async def test_memory_that_is_refused_is_an_error_of_python(session: Session) -> None:
    await value(session, "x = 1")
    result = await fails(session, "b = bytearray(2_000_000_000)")
    assert isinstance(result.error, CellException)
    assert result.error.name == "MemoryError"
    assert await value(session, "x") == "1"


async def test_exit_ends_the_cell_only(session: Session) -> None:
    assert await value(session, "x = 5\nimport sys\nsys.exit()") == ""
    result = await fails(session, "sys.exit(3)")
    assert isinstance(result.error, CellException)
    assert (result.error.name, result.error.message) == ("SystemExit", "3")
    assert await value(session, "x") == "5"


async def test_text_that_is_no_text_can_be_shown(session: Session) -> None:
    assert await value(session, "type('T', (), {'__repr__': lambda self: '\\ud800'})()") == "?"
    for cell in (
        "raise ValueError('\\ud800' + '\\x00' + '\\U0001F600' * 90_000)",
        "class E(Exception):\n    __str__ = None\nraise E()",
    ):
        assert isinstance((await fails(session, cell)).error, CellException)


async def test_a_hostile_reply_is_no_reply(session: Session) -> None:
    await value(session, "x = 1")
    result = await session.execute(
        "from hypercell.kernel.languages.python_runtime import app\n"
        "app._dumps = lambda *_, **__: 'no JSON'"
    )
    assert type(result.error).__name__ == "ProtocolViolation"
    assert await value(session, "x") == "1"


async def test_many_cells_with_bad_ends_between(session: Session) -> None:
    """The state is exactly what the clean cells made."""
    await value(session, "seen = []")
    expected = []
    for number in range(30):
        if number % 5 == 4:
            await fails(session, f"seen.append({number})\nimport os\nos.abort()")
        else:
            await value(session, f"seen.append({number})")
            expected.append(number)
    assert await value(session, f"seen == {expected}") == "True"
