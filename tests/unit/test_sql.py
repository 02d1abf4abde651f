"""What ``%%sql`` does inside the VM, in any CPython with SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hypercell.kernel.errors import UsageError
from hypercell.kernel.languages.python_runtime import ipython, sql
from hypercell.kernel.languages.python_runtime.place import UsageError as CellUsageError
from hypercell.kernel.languages.sql import LANGUAGE

Records = list[dict[str, Any]]


@pytest.fixture
def records() -> Iterator[Records]:
    found: Records = []
    ipython.attach(found.append)
    yield found
    ipython.attach(lambda _: None)


def split(text: str) -> list[tuple[int, str]]:
    return list(sql.statements(text))


def test_statements() -> None:
    assert split("") == split(" ;\n; -- nothing\n/* ; */") == []
    assert split("select 1") == [(1, "select 1")]
    assert split("\nselect ';';\n\n-- two;\nselect \"a;b\" ; ") == [
        (2, "select ';';"),
        (4, '-- two;\nselect "a;b" ;'),
    ]
    trigger = "create trigger t after insert on x begin select 1; select 2; end;"
    assert split(f"{trigger} select 3;") == [(1, trigger), (1, "select 3;")]
    assert split("select 'open; ") == [(1, "select 'open; ")]
    with pytest.raises(CellUsageError, match=r"line 2: \.tables"):
        split("select 1;\n.tables")


def run(text: str, path: object = ":memory:", rows: int = 100, **names: Any) -> None:
    sql.run(text, str(path), rows, names)


def test_tables(records: Records) -> None:
    run(
        "create table t (n integer, name text, raw blob);\n"
        "insert into t values (1, 'a<b>', x'00ff'), (20, null, null);\n"
        "select * from t;"
    )
    changed, table = (record["data"] for record in records)
    assert changed == {"text/plain": "2 rows changed"}
    assert table["text/plain"] == (
        " n  name  raw\n--  ----  -------\n 1  a<b>  x'00ff'\n20  NULL  NULL\n(2 rows)"
    )
    html = table["text/html"]
    assert "<th>name</th>" in html
    assert "a&lt;b&gt;" in html
    assert "<em>NULL</em>" in html
    assert "<b>" not in html


@pytest.mark.parametrize(
    "value", ["<script>alert(1)</script>", "</td><img src=x onerror=alert(1)>", "\"'&\x1b[31m\n"]
)
def test_values_and_names_are_escaped(records: Records, value: str) -> None:
    quoted = value.replace('"', '""')
    run(f'select :value as "{quoted}"', value=value)
    (record,) = records
    assert "<script" not in record["data"]["text/html"]
    assert "<img" not in record["data"]["text/html"]
    assert all(line.isprintable() for line in record["data"]["text/plain"].splitlines())


def test_rows_are_capped(records: Records) -> None:
    def count(last: int, what: str, rows: int) -> None:
        numbers = "recursive c(n) as (select 1 union all select n + 1 from c where n < :last)"
        run(f"with {numbers} select {what} from c", rows=rows, last=last)  # noqa: S608

    count(1_000_000, "n", 10)
    assert "the first 10 rows" in records[0]["data"]["text/plain"]
    count(9, "n", 10)
    assert records[1]["data"]["text/plain"].endswith("(9 rows)")
    count(5000, "printf('%10000c', 'x')", 5000)
    assert len(records[2]["data"]["text/html"]) < 2 * sql.MAX_TABLE
    run("select zeroblob(100000000), 1.5, 'ä'")
    assert len(records[3]["data"]["text/html"]) < 2000


def test_an_error_names_its_statement(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with pytest.raises(sqlite3.OperationalError) as caught:
        run("create table t (x);\ninsert into t values (1);\n\nselect y from t;", path)
    assert caught.value.__notes__ == ["statement 3, line 4: select y from t;"]
    run("select count(*) from t", path)
    assert "\n1\n" in records[-1]["data"]["text/plain"].replace("       1", "1")


def test_parameters_are_values(records: Records) -> None:
    run("select :a || 'x', :b", a="'; drop table t; --", b=None)
    assert "drop table t" in records[0]["data"]["text/plain"]
    for text in ("select :missing", "select ?", "select :odd"):
        with pytest.raises(sqlite3.Error):
            run(text, odd=object())


def test_an_open_transaction_is_rolled_back(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.db"
    run("create table t (x); begin; insert into t values (1);", path)
    assert "rolled back" in capsys.readouterr().out
    run("begin; insert into t values (1); commit; select count(*) from t;", path)
    assert records[-1]["data"]["text/plain"].endswith("1\n(1 row)")


def test_options() -> None:
    assert LANGUAGE.check_flags(["--db=x.db", "--rows", "5"]) == ("--db=x.db", "--rows", "5")
    for words in (["--db"], ["--db="], ["--rows", "x"], ["--rows=5001"], ["--rows=-1"], ["x"]):
        with pytest.raises(UsageError):
            LANGUAGE.check_flags(words)
