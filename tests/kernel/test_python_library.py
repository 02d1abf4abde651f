"""The standard library in Python cells gives what it gives elsewhere."""

from __future__ import annotations

import hashlib

import pytest
from python_session import (  # noqa: F401 (fixtures)
    hypervisor_fixture,
    plain,
    session_fixture,
    value,
)

from hypercell.kernel.errors import CellException
from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("import json\njson.dumps({'a': [1, None, 2.5]})", """'{"a": [1, null, 2.5]}'"""),
        ("import re\nre.sub(r'(\\w+)', r'<\\1>', 'a b')", "'<a> <b>'"),
        ("from decimal import Decimal\nDecimal(1) / 8", "Decimal('0.125')"),
        ("from fractions import Fraction\nFraction(1, 3) * 3", "Fraction(1, 1)"),
        ("import statistics\nstatistics.stdev([1, 2, 3, 4])", "1.2909944487358056"),
        ("import collections\ncollections.Counter('aab').most_common(1)", "[('a', 2)]"),
        ("import itertools\nlist(itertools.pairwise('abc'))", "[('a', 'b'), ('b', 'c')]"),
        ("import csv, io\nlist(csv.reader(io.StringIO('a,b')))", "[['a', 'b']]"),
        ("import textwrap\ntextwrap.shorten('a b c d', 5)", "'[...]'"),
        ("import html\nhtml.escape('<')", "'&lt;'"),
        ("import urllib.parse\nurllib.parse.quote('a b')", "'a%20b'"),
        ("import datetime\ndatetime.date(2024, 2, 28) + datetime.timedelta(1)",
         "datetime.date(2024, 2, 29)"),
        ("import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int = 3\nP()", "P(x=3)"),
        ("import enum\nE = enum.Enum('E', 'A B')\nE.A", "<E.A: 1>"),
        ("import pickle\nclass Q:\n    pass\ntype(pickle.loads(pickle.dumps(Q()))) is Q", "True"),
        ("import inspect\ndef g():\n    return 1\ninspect.getsource(g)",
         r"'def g():\n    return 1\n'"),
        ("import sqlite3\ndb = sqlite3.connect(':memory:')\ndb.execute('select 6 * 7').fetchone()",
         "(42,)"),
        ("import zipfile, io\nb = io.BytesIO()\nz = zipfile.ZipFile(b, 'w', 8)\n"
         "z.writestr('a', 'x' * 99)\nz.close()\nzipfile.ZipFile(b).read('a') == b'x' * 99", "True"),
        ("import tarfile, tempfile\nwith tempfile.TemporaryDirectory() as d:\n"
         "    open(d + '/a', 'w').write('x')\n    t = tarfile.open(d + '/t.tar', 'w')\n"
         "    t.add(d + '/a', 'a')\n    t.close()\n"
         "    n = tarfile.open(d + '/t.tar').getnames()\nn",
         "['a']"),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 1\n"
         "asyncio.run(f())", "1"),
        ("import asyncio\nawait asyncio.gather(*(asyncio.sleep(0.01, n) for n in range(3)))",
         "[0, 1, 2]"),
    ],
)  # fmt: skip
async def test_the_standard_library(session: Session, cell: str, shown: str) -> None:
    assert await value(session, cell) == shown


async def test_a_module_that_prints_when_it_is_imported(session: Session) -> None:
    result = await session.execute("import this\nimport this", label="cell 1")
    assert result.stdout.count(b"Beautiful is better than ugly.") == 1


async def test_sqlite_in_home(session: Session) -> None:
    await value(
        session,
        "import sqlite3\ndb = sqlite3.connect('/home/x.db')\n"
        "db.execute('create table t (n)')\ndb.execute('insert into t values (1)')\n"
        "db.commit()\ndb.close()",
    )
    cell = "sqlite3.connect('/home/x.db').execute('select * from t').fetchall()"
    assert await value(session, cell) == "[(1,)]"
    assert session.home.read("x.db").startswith(b"SQLite format 3\0")


async def test_unittest_and_warnings(session: Session) -> None:
    result = await session.execute(
        "import unittest, warnings\n"
        "class T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(1, 1)\n"
        "unittest.main(argv=['x'], exit=False)\nwarnings.warn('careful');",
        label="cell 9",
    )
    assert b"Ran 1 test" in result.stderr
    assert b"<cell 9>:6: UserWarning: careful" in result.stderr


async def test_tasks_go_on_in_later_cells(session: Session) -> None:
    await value(
        session,
        "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 'done'\n"
        "task = asyncio.create_task(f())\nawait asyncio.sleep(0)",
    )
    assert await value(session, "await task") == "'done'"


@pytest.mark.parametrize(
    ("cell", "error", "why"),
    [
        ("import socket\nsocket.socket()", "PermissionError", "no network"),
        ("import socket\nsocket.getaddrinfo('localhost', 80)", "PermissionError", "no network"),
        ("import urllib.request\nurllib.request.urlopen('http://example.org')", "URLError",
         "no network"),
        ("import asyncio\nawait asyncio.open_connection('x', 80)", "PermissionError", "no network"),
        ("import ssl", "ModuleNotFoundError", "no network"),
        ("import subprocess\nsubprocess.run(['ls'])", "OSError", "no second process"),
        ("import os\nos.popen('ls')", "OSError", "no second process"),
        ("import os\nos.fork()", "AttributeError", "no second process"),
        ("import os\nos.system('ls')", "AttributeError", "no second process"),
        ("import multiprocessing\nmultiprocessing.Pool(2)", "AttributeError",
         "no second process"),
        ("import multiprocessing\nmultiprocessing.Process(target=print).start()",
         "ModuleNotFoundError", "no second process"),
        ("import concurrent.futures as c\nc.ProcessPoolExecutor()", "NotImplementedError",
         "no second process"),
        ("import threading\nthreading.Thread(target=print).start()", "RuntimeError", "asyncio"),
        ("import concurrent.futures as c\nc.ThreadPoolExecutor().submit(print)", "RuntimeError",
         "asyncio"),
        ("import signal\nsignal.alarm(1)", "AttributeError", "--timeout"),
        ("import ctypes", "ModuleNotFoundError", "%%c runs C"),
        ("import bz2", "ModuleNotFoundError", "zlib, gzip and zipfile are there"),
        ("import tkinter", "ModuleNotFoundError", "needs a screen"),
        ("from compression import zstd", "ImportError", "zlib, gzip and zipfile are there"),
        ("import tarfile\ntarfile.open('x.tar.xz', 'w:xz')", "CompressionError", "without lzma"),
        ("import zipfile\nzipfile.ZipFile('x.zip', 'w', zipfile.ZIP_BZIP2)", "RuntimeError",
         "without bz2"),
        ("from concurrent import interpreters", "ImportError", "asyncio"),
        ("from concurrent.futures import InterpreterPoolExecutor", "ImportError", "asyncio"),
        ("import socket\nsocket.gethostbyname('x')", "PermissionError", "no network"),
        ("import http.client\nhttp.client.HTTPSConnection('x')", "AttributeError", "no network"),
        ("import http.server as h\nh.HTTPServer(('', 8000), h.SimpleHTTPRequestHandler)",
         "PermissionError", "no network"),
        ("import hashlib\nhashlib.scrypt(b'', salt=b'', n=2, r=1, p=1)", "AttributeError",
         "no OpenSSL"),
        ("import asyncio\nasyncio.get_running_loop()", "RuntimeError",
         "in cells with an await"),
        ("open('../x', 'w')", "PermissionError", "/home and /tmp only"),
        ("import imaplib\nimaplib.IMAP4_SSL('x')", "AttributeError", "no network"),
        ("from IPython.core.magic import register_line_magic", "ModuleNotFoundError",
         "of IPython a cell has"),
        ("from IPython.display import GeoJSON", "ImportError", "of IPython a cell has"),
        ("import antigravity", "ModuleNotFoundError", "no web browser"),
        ("input()", "StdinNotImplementedError", "--stdin"),
        ("import mmap", "ModuleNotFoundError", "needs an operating system"),
        ("import numpy", "ModuleNotFoundError", "numpy is not pure Python"),
        ("import matplotlib.pyplot as plt", "ModuleNotFoundError", "matplotlib is not pure Python"),
        ("import no_such_thing", "ModuleNotFoundError", "%pip install NAME"),
    ],
)  # fmt: skip
async def test_what_a_cell_does_not_have_is_an_error_of_python_that_says_why(
    session: Session, cell: str, error: str, why: str
) -> None:
    result = await session.execute(f"kept = 1\n{cell}")
    assert isinstance(result.error, CellException), result.error
    assert result.error.name == error
    last = plain(result).rpartition("\n")[2]
    assert last.startswith("hint: ")
    assert why in last
    assert await value(session, "kept") == "1"


@pytest.mark.parametrize(
    "cell",
    ["{}['x']", "open('x')", "import os\nos.no_such", "raise RuntimeError('x')",
     "from compression import nothing", "from concurrent import nothing",
     "import hashlib\nhashlib.nothing", "import http.client\nhttp.client.Nothing",
     "raise PermissionError(2, 'Permission denied', 'file')", "raise RuntimeError('my module')",
     "class E(AttributeError):\n    obj = 1 / 1\nraise E",
     "raise AttributeError(\"module 'os' has no attribute 'open'\")"],
)  # fmt: skip
async def test_other_errors_have_no_hint(session: Session, cell: str) -> None:
    assert "hint" not in plain(await session.execute(cell))


async def test_a_function_is_called_in_place_where_others_use_a_thread(session: Session) -> None:
    cell = (
        "import asyncio\nawait asyncio.gather(*(asyncio.to_thread(len, 'x' * n) for n in (1, 2)))"
    )
    assert await value(session, cell) == "[1, 2]"
    result = await session.execute("await asyncio.to_thread(int, 'x')")
    assert isinstance(result.error, CellException)
    assert result.error.name == "ValueError"


async def test_the_standard_library_shows_its_lines(session: Session) -> None:
    text = plain(await session.execute("import json\njson.loads('{')"))
    assert "obj, end = self.raw_decode(s, idx=_w(s, 0).end())" in text
    text = plain(await session.execute("import os\nos.makedirs('/nothing')"))
    assert "mkdir(name, mode)" in text
    cell = "import inspect\ninspect.getsource({}).splitlines()[0]"
    for name, line in (
        ("json.loads", "def loads(s, *, cls=None,"),
        ("os.makedirs", "def makedirs(name, mode=0o777,"),
        ("os.path.join", "def join(a, *p):"),
        ("__import__('collections').Counter", "class Counter(dict):"),
    ):
        assert line in await value(session, cell.format(name))
    assert await value(session, 'inspect.getsource(json).startswith(\'r"""JSON\')') == "True"
    result = await session.execute("json.loads??")
    assert "Deserialize" in result.text


async def test_time_zones(session: Session) -> None:
    cell = (
        "import datetime as dt, pickle, zoneinfo\n"
        "def offset(zone, *when):\n"
        "    return str(dt.datetime(*when, tzinfo=zoneinfo.ZoneInfo(zone)).utcoffset())\n"
    )
    zones = [
        ("Europe/Berlin", 7),
        ("Europe/Berlin", 1),
        ("America/New_York", 1),
        ("Asia/Kolkata", 1),
    ]
    asked = ", ".join(f"offset({zone!r}, 2020, {month}, 1)" for zone, month in zones)
    assert await value(session, f"{cell}[{asked}]") == (
        "['2:00:00', '1:00:00', '-1 day, 19:00:00', '5:30:00']"
    )
    moment = "dt.datetime(2020, 10, 25, 2, 30, fold={}, tzinfo=zoneinfo.ZoneInfo('Europe/Paris'))"
    assert await value(session, f"[{moment.format(0)}.tzname(), {moment.format(1)}.tzname()]") == (
        "['CEST', 'CET']"
    )
    assert await value(session, "len(zoneinfo.available_timezones()) > 400") == "True"
    assert (
        await value(session, "pickle.loads(pickle.dumps(zoneinfo.ZoneInfo('UTC'))).key") == "'UTC'"
    )
    text = plain(await session.execute("zoneinfo.ZoneInfo('Mars/Base')"))
    assert text.endswith("ZoneInfoNotFoundError: 'No time zone found with key Mars/Base'")
    assert text.count("File ") == 1


async def test_a_task_of_a_cell_without_await_is_awaited_later(session: Session) -> None:
    cell = (
        "import asyncio\ngo = asyncio.Event()\nasync def work(n):\n    print('begins', n)\n"
        "    await (go.wait() if n == 1 else asyncio.sleep(0.001))\n    return n\n"
        "task = asyncio.create_task(work(1), name='t')"
    )
    assert (await session.execute(cell)).stdout == b"begins 1\n"
    assert await value(session, "task.get_name(), task.done(), asyncio.run(work(2))") == (
        "('t', False, 2)"
    )
    assert await value(session, "go.set()\nawait task") == "1"
    await value(session, "both = asyncio.gather(work(3), work(4))")
    assert await value(session, "await both") == "[3, 4]"
    assert await value(session, "asyncio.get_event_loop().run_until_complete(work(5))") == "5"
    assert "boom" in plain(
        await session.execute(
            "async def bad(): raise ValueError('boom')\nawait asyncio.create_task(bad())"
        )
    )


async def test_a_module_of_the_standard_library_is_reloaded(session: Session) -> None:
    cell = (
        "import importlib, logging\nlogging.basicConfig(format='first %(message)s')\n"
        "importlib.reload(logging)\n"
        "logging.basicConfig(format='second %(message)s')\nlogging.warning('shown')"
    )
    assert (await session.execute(cell)).stderr == b"second shown\n"
    cell = "import json.decoder\nold = json.loads\nnew = importlib.reload(json).loads\n"
    assert await value(
        session, f"{cell}new is old, new('[1]'), json.decoder.JSONDecoder().strict"
    ) == ("(False, [1], True)")
    assert "json/__init__.py" in plain(await session.execute("json.loads('[1')"))
    assert "spec not found" in plain(
        await session.execute("import random\nimportlib.reload(random)")
    )


@pytest.mark.parametrize(
    "asked",
    ["'sha256', b'password', b'salt', 1", "'sha1', b'password', b'salt', 100",
     "'sha512', b'p' * 200, b's', 3, 100", "'md5', bytearray(b'x'), b'', 2, dklen=5"],
)  # fmt: skip
async def test_keys_from_passwords(session: Session, asked: str) -> None:
    cell = f"hashlib.pbkdf2_hmac({asked}).hex()"
    there = eval(cell, {"hashlib": hashlib})  # noqa: S307 (it is written above)
    assert await value(session, f"import hashlib\n{cell}") == repr(there)
