"""``hypercell run FILE.py``: what ``python FILE.py`` does, in a VM."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HYPERCELL = [sys.executable, "-m", "hypercell.kernel.cli.main", "run"]


def run(script: Path, *words: object, **options: object) -> subprocess.CompletedProcess:
    given = {"stdin": subprocess.DEVNULL} | options if "input" not in options else options
    return subprocess.run(
        [*HYPERCELL, str(script), *map(str, words)],
        capture_output=True,
        text=True,
        timeout=550,
        cwd=script.parent,
        **given,
    )


def write(tmp_path: Path, text: str, name: str = "x.py") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_arguments_input_environment_and_main(tmp_path: Path) -> None:
    script = write(
        tmp_path,
        "import os, sys\n"
        "print(sys.argv, __name__, __file__, os.environ['COLOUR'])\n"
        "for line in sys.stdin:\n    print('in:', line.strip())\n"
        "print('to stderr', file=sys.stderr)\n"
        "import __main__\n__main__.x = 1\nprint(x)\n"
        "1 + 1\n",
    )
    words = ("--env", "COLOUR=red", "--", "a b", "-c")
    done = run(script, *words, input="one\ntwo\n")
    assert done.stdout == (
        "['x.py', 'a b', '-c'] __main__ /home/x.py red\nin: one\nin: two\n1\n"
    ), done.stderr
    assert (done.returncode, done.stderr) == (0, "to stderr\n")


@pytest.mark.parametrize(
    ("text", "code", "stderr"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(hasattr(sys, 'ps1'))", 0, ""),
        ("import sys; sys.exit(-1)", 255, ""),
        ("import sys; sys.exit('a message')", 1, "a message\n"),
        ("raise SystemExit(300)", 44, ""),
        ("import atexit; atexit.register(print, 'bye'); exit(2)", 2, ""),
        ("import asyncio\nasyncio.run(asyncio.sleep(0))", 0, ""),
    ],
)
def test_exit_codes(tmp_path: Path, text: str, code: int, stderr: str) -> None:
    done = run(write(tmp_path, text))
    assert (done.returncode, done.stderr) == (code, stderr)
    assert ("bye" in done.stdout) == ("atexit" in text)


def test_a_traceback_is_that_of_python(tmp_path: Path) -> None:
    text = "def f(n):\n    return 1 / n\n\nf(0)\n"
    done = run(write(tmp_path, text))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Traceback (most recent call last):",
        '  File "/home/x.py", line 4, in <module>',
        "    f(0)",
        "    ~^^^",
        '  File "/home/x.py", line 2, in f',
        "    return 1 / n",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    done = run(write(tmp_path, "x = (\n"))
    assert done.returncode == 1
    assert "'(' was never closed" in done.stderr
    assert "line 1" in done.stderr
    assert "_run" not in done.stderr


def test_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes("# coding: latin-1\nprint('\xe4')\n".encode("latin-1"))
    assert run(tmp_path / "x.py").stdout == "ä\n"


def test_directories_are_changed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.csv").write_text("a,b\n1,2\n")
    (tmp_path / "data" / "helper.py").write_text("def total(row): return sum(map(int, row))")
    script = write(
        tmp_path,
        "import csv, os, sys\nsys.path.insert(0, '/data')\nfrom helper import total\n"
        "rows = list(csv.reader(open('/data/in.csv')))\n"
        "os.mkdir('/data/out')\nopen('/data/out/sum', 'w').write(str(total(rows[1])))\n"
        "os.remove('/data/in.csv')\nsys.exit(4)\n",
    )
    done = run(script, "--dir", "data::/data")
    assert (done.returncode, done.stderr) == (4, "")
    assert (tmp_path / "data" / "out" / "sum").read_text() == "3"
    assert sorted(os.listdir(tmp_path / "data")) == ["helper.py", "out"]
    here = write(tmp_path, "open('here.txt', 'w').write('1')", "here.py")
    assert run(here, "--dir", ".").returncode == 0
    assert (tmp_path / "here.txt").read_text() == "1"


def test_limits(tmp_path: Path) -> None:
    done = run(write(tmp_path, "print('begun')\nwhile True: pass"), "--timeout", "1")
    assert (done.returncode, done.stdout) == (124, "begun\n")
    done = run(write(tmp_path, "import os; os.abort()"))
    assert done.returncode == 134, done.stderr
    assert "Trap" in done.stderr
    done = run(write(tmp_path, "x = bytearray(1 << 30)"), "--mem", "256M")
    assert done.returncode in (1, 125)
    assert "MemoryError" in done.stderr or "MemoryLimitExceeded" in done.stderr


def test_what_is_not_for_python(tmp_path: Path) -> None:
    done = run(write(tmp_path, "1"), "--invoke", "f")
    assert (done.returncode, "not for Python" in done.stderr) == (125, True)


def test_sql_files(tmp_path: Path) -> None:
    script = write(
        tmp_path, "create table t (x);\ninsert into t values (7);\nselect x from t;", "x.sql"
    )
    done = run(script)
    assert (done.returncode, done.stderr) == (0, "")
    assert "7" in done.stdout
    done = run(script, "--dir", ".", "--", "kept.db")
    assert done.returncode == 0
    assert (tmp_path / "kept.db").read_bytes().startswith(b"SQLite format 3")
    done = run(write(tmp_path, "select", "bad.sql"))
    assert done.returncode == 125
    assert "statement 1, line 1" in done.stderr
