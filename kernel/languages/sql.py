"""SQL: SQLite in the session's Python VM; databases are files of ``/home``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypercell.kernel.answers import Question
from hypercell.kernel.errors import UsageError
from hypercell.kernel.languages import python
from hypercell.kernel.languages.base import BuildContext, Cell, OptionHelp
from hypercell.kernel.states import State
from hypercell.vmm.commands import Command

if TYPE_CHECKING:
    from hypercell.vmm.hypervisor import Hypervisor

DATABASE = "/home/session.db"
ROWS = 100  # of each result that are shown
_MOST_ROWS = 5000
_KEYWORDS = (
    "ALTER AND AS ASC BEGIN BETWEEN BY CASE COMMIT CREATE CROSS DELETE DESC DISTINCT DROP ELSE END "
    "EXCEPT EXISTS EXPLAIN FROM GROUP HAVING IN INDEX INNER INSERT INTERSECT INTO IS JOIN LEFT "
    "LIKE LIMIT NOT NULL OFFSET ON OR ORDER OUTER OVER PARTITION PRAGMA PRIMARY RETURNING ROLLBACK "
    "SELECT SET TABLE THEN TRIGGER UNION UNIQUE UPDATE USING VALUES VIEW WHEN WHERE WITH"
)


class Sql(python.Python):
    """``%%sql``: a cell of the session's Python, so that ``:name`` is a variable of it."""

    name = "sql"
    state_of = "python"
    title = "SQL"
    suffix = ".sql"
    mimetype = "text/x-sqlite"
    help = "SQLite; databases are files of /home, :name is the value of a Python variable"
    options: Sequence[OptionHelp] = (
        OptionHelp("--db", "FILE", f"the database, a file of /home ({DATABASE}), or :memory:"),
        OptionHelp("--rows", "N", f"how many rows of each result are shown ({ROWS})"),
    )
    keywords = tuple(_KEYWORDS.split())
    line_magics: Mapping[str, str] = {}
    cell_magics: Mapping[str, str] = {}
    absent_magics: frozenset[str] = frozenset()
    comments = ("--", "/*", "*/")
    info: Mapping[str, Any] = {"pygments_lexer": "sql"}

    def check_flags(self, words: Sequence[str]) -> tuple[str, ...]:
        """``--db FILE`` and ``--rows N``. UsageError for anything else."""
        _options(words)
        return tuple(words)

    async def runtime(self, ctx: BuildContext) -> State:
        """Python's."""
        return await python.LANGUAGE.runtime(ctx)

    def ready(self, hypervisor: Hypervisor) -> State | None:
        """Python's, if it has been started."""
        return python.LANGUAGE.ready(hypervisor)

    def ask(self, question: Question) -> Command | None:
        """Python would take it for Python."""
        return None

    def is_whole(self, source: str) -> str:
        """A statement ends with a semicolon, if the cell has one."""
        return "complete"

    def call(self, cell: Cell) -> Command:
        """The command that runs a cell."""
        database, rows = _options(cell.options.flags)
        return python.execute(cell.source, sql={"path": database, "rows": rows})

    def script(
        self, path: str, args: Sequence[str], env: Sequence[tuple[str, str]], cwd: str
    ) -> Command:
        """The command that runs a file; its only argument is the database."""
        if len(args) > 1:
            raise UsageError("a .sql file takes one argument: the database", hint="-- /data/x.db")
        database = args[0] if args else ":memory:"
        return python.execute("", sql={"path": database, "rows": ROWS, "file": path, "cwd": cwd})


def _options(words: Sequence[str]) -> tuple[str, int]:
    """(database, rows)."""
    database, rows = DATABASE, ROWS
    rest = list(words)
    while rest:
        name, has_value, value = rest.pop(0).partition("=")
        if name not in ("--db", "--rows"):
            raise UsageError(f"%%sql does not know {name}", hint="%%sql [--db FILE] [--rows N]")
        if not has_value:
            value = rest.pop(0) if rest else ""
        if not value:
            raise UsageError(f"{name} needs a value", hint="%%sql [--db FILE] [--rows N]")
        if name == "--db":
            database = value
        elif value.isdecimal() and len(value) < 6 and int(value) <= _MOST_ROWS:
            rows = int(value)
        else:
            raise UsageError(f"--rows takes a number up to {_MOST_ROWS}")
    return database, rows


LANGUAGE = Sql()
