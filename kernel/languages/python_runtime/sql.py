"""``%%sql``: the statements of a cell, in SQLite, with their results as tables."""

from __future__ import annotations

import html
import os
import sqlite3
from collections.abc import Iterator
from typing import Any

from hypercell.kernel.languages.python_runtime import ipython
from hypercell.kernel.languages.python_runtime.place import UsageError

_connect, _complete = sqlite3.connect, sqlite3.complete_statement
_escape = html.escape
MAX_TABLE = 500_000  # characters of one table
_MAX_VALUE = 500  # characters of one value
_MAX_WIDTH = 60  # of a column of the plain table
_SHOWN = 300  # characters of a statement in an error


def run_request(source: str, request: dict[str, Any], names: dict[str, Any]) -> None:
    """A cell (``path``, ``rows``), or with ``file`` and ``cwd`` a file of its own."""
    if "file" in request:
        os.chdir(request["cwd"])
        with open(request["file"], encoding="utf-8") as file:
            source = file.read()
    run(source, request["path"], request["rows"], names)


def run(text: str, path: str, rows: int, names: dict[str, Any]) -> None:
    """Run all statements one after the other; the first that fails ends the cell.

    ``path``: of the database. ``rows``: of each result that are shown. ``names``: values for
    parameters like ``:name``. What a statement changed stays, unless the cell began a transaction
    that it did not end.
    """
    connection = _connect(path, isolation_level=None)  # each statement commits itself
    try:
        for number, (line, statement) in enumerate(statements(text), 1):
            try:
                cursor = connection.execute(statement, names)
                shown = _result(cursor, rows)
            except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
                error.add_note(f"statement {number}, line {line}: {_cut(statement, _SHOWN)}")
                raise
            if shown is not None:
                ipython.emit({"kind": "display", "data": shown, "metadata": {}, "id": ""})
        if connection.in_transaction:
            print("rolled back: the cell began a transaction and did not COMMIT it")
    finally:
        connection.close()


def statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the line that it begins in, the cell's first being 1."""
    line, begin = 1, 0
    while begin < len(text):
        rest = text[begin:]
        space = len(rest) - len(rest.lstrip())
        line += rest[:space].count("\n")
        begin += space
        end = _end(text, begin)
        statement = text[begin:end]
        if statement.startswith("."):
            raise UsageError(
                f"line {line}: {_cut(statement, 40)} is for the sqlite3 program; here is SQL only"
            )
        if _says_something(statement):
            yield line, statement
        line += statement.count("\n")
        begin = end


def _end(text: str, begin: int) -> int:
    """Behind the semicolon that ends the statement, or the end of the text."""
    end = text.find(";", begin)
    while end >= 0:
        if _complete(text[begin : end + 1]):
            return end + 1
        end = text.find(";", end + 1)
    return len(text)


def _says_something(statement: str) -> bool:
    """Whether there is more than comments in it."""
    rest = statement.strip("; \t\r\n")
    while rest.startswith(("--", "/*")):
        _, _, rest = rest.partition("\n" if rest.startswith("--") else "*/")
        rest = rest.lstrip("; \t\r\n")
    return bool(rest)


def _result(cursor: sqlite3.Cursor, most: int) -> dict[str, str] | None:
    """The rows as a table, or how many were changed; None if there is nothing to say."""
    if cursor.description is None:
        count = cursor.rowcount
        return {"text/plain": f"{count} row{'s' * (count != 1)} changed"} if count >= 0 else None
    names = [_cut(str(column[0]), _MAX_VALUE) for column in cursor.description]
    found: list[tuple[Any, ...]] = []
    size = 0
    more = False
    for row in cursor:
        values = [_shown(value) for value in row]
        size += sum(len(_escape(value)) + 40 for value in values)
        if len(found) == most or size > MAX_TABLE:
            more = True
            break
        found.append((row, values))
    note = f"{len(found)} row{'s' * (len(found) != 1)}"
    if more:
        note = f"the first {note}; there are more: LIMIT and OFFSET, or %%sql --rows N"
    return {
        "text/plain": f"{_plain(names, found)}\n({note})",
        "text/html": f"{_html(names, found)}<p>{note}</p>",
    }


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return _cut(f"x'{value[: _MAX_VALUE // 2].hex()}'", _MAX_VALUE) + "…" * (
            len(value) > _MAX_VALUE // 2
        )
    return _cut(str(value), _MAX_VALUE)


def _html(names: list[str], rows: list[tuple[Any, ...]]) -> str:
    head = "".join(f"<th>{_escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(map(_cell, row, values)) + "</tr>" for row, values in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any, shown: str) -> str:
    if value is None:
        return "<td><em>NULL</em></td>"
    side = "right" if isinstance(value, (int, float)) else "left"
    return f'<td style="text-align: {side}">{_escape(shown)}</td>'


def _plain(names: list[str], rows: list[tuple[Any, ...]]) -> str:
    lines = [names, *(values for _, values in rows)]
    table = [[_line(value) for value in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = [
        bool(rows) and all(isinstance(row[at], (int, float, type(None))) for row, _ in rows)
        for at in range(len(names))
    ]
    table.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            value.rjust(width) if numeric else value.ljust(width)
            for value, width, numeric in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in table
    )


def _line(text: str) -> str:
    """On one line, and not too wide."""
    return _cut(
        "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), _MAX_WIDTH
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
