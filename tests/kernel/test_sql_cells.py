"""``%%sql`` in a session, its databases in /home, beside Python."""

from __future__ import annotations

import pytest
from python_session import fails, hypervisor_fixture, plain, session_fixture, value  # noqa: F401 (fixtures)

from hypercell.kernel.result import Display, Event
from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_database_lives_in_home(session: Session) -> None:
    await value(session, "%%sql\ncreate table t (x, y);\ninsert into t values (1, 'one');")
    assert "session.db" in session.home.files()
    assert "1  one" in await value(session, "%%sql\nselect * from t")
    await value(
        session,
        "import sqlite3\nwith sqlite3.connect('session.db') as db:\n"
        "    n = db.execute('insert into t values (2, ?)', ('two',))",
    )
    await value(session, "wanted = 2; n = None")
    assert "two" in await value(session, "%%sql\nselect y from t where x = :wanted")
    await value(session, "%%sql --db other.db\ncreate table u (x)")
    assert "other.db" in session.home.files()
    await value(session, "%undo")
    assert "other.db" not in session.home.files()
    assert "wanted" in await value(session, "[name for name in dir() if name == 'wanted']")


async def test_results_are_html_and_text(session: Session) -> None:
    events: list[Event] = []
    await session.execute("%%sql\nselect '<b>' as x", on_event=events.append)
    (shown,) = [event for event in events if isinstance(event, Display)]
    assert "&lt;b&gt;" in shown.data["text/html"]
    assert shown.data["text/plain"] == "x\n---\n<b>\n(1 row)"


async def test_errors_say_which_statement(session: Session) -> None:
    result = await fails(session, "%%sql\nselect 1;\nselect x from nowhere")
    assert "no such table: nowhere" in plain(result)
    assert "statement 2, line 2: select x from nowhere" in plain(result)
    assert "sql.py" not in plain(result)
    result = await fails(session, "%%sql\n.tables")
    assert "SQL only" in plain(result)
    result = await fails(session, "%%sql --rows many\nselect 1")
    assert "--rows takes a number" in plain(result)


async def test_an_endless_query_is_stopped_and_changes_nothing(session: Session) -> None:
    before = dict(session.home.files())
    result = await fails(
        session,
        "%%sql --timeout 1\ncreate table late (x);\n"
        "with recursive c(n) as (select 1 union all select n + 1 from c) select max(n) from c",
    )
    assert type(result.error).__name__ == "TimedOut"
    assert session.home.files() == before
