"""Every rule of every filter is used by a real run, or has a reason here: the lists cannot rot.

A filter's rule that no call of our processes ever meets could go, so a run under ptrace shows
which calls they make. A rule that is missing instead kills the run itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypercell.vmm import filters
from hypercell.vmm.seccomp import SELF, Rule
from hypercell.vmm.syscalls import NUMBERS

HERE = Path(__file__).parent
Call = tuple[str, bool, int, int, tuple[int, ...]]  # as tracing.py writes it

# Rules that a run need not use, and why they stay.
_ALWAYS = {
    **dict.fromkeys(("brk", "madvise", "mremap"), "malloc: whether, is a matter of sizes"),
    "clock_gettime": "machines whose vDSO cannot tell the time",
    "restart_syscall": "what goes on after a stop and a continue",
    "futex": "a lock: which calls take one is a matter of the Python and the C library",
    "write": "a defect that is told on stderr",
    "exit_group": "a normal end: most are killed first",
}
_SERVER = {
    "getpeername": "Python names a socket that it closes by itself",
    **dict.fromkeys(
        ("read", "fstat", "newfstatat"), "Python from 3.12 on counts its threads at each fork"
    ),
}
_COMPILE = {
    "exit": "a thread that ends, because another could not be made",
    "sched_yield": "a thread that has nothing to do at the moment",
    "sched_getaffinity": "malloc with more than eight threads counts processors",
    "clone3": "glibc asks for it first where it has it",
    "rseq": "glibc registers a new thread's where it has it",
    **dict.fromkeys(("rt_sigprocmask", "tgkill", "gettid", "getpid"), "abort(3), and new threads"),
}
STAY: dict[str, dict[str, str]] = {
    "zygote": {
        **_ALWAYS,
        **_SERVER,
        "clone3": "glibc asks for it first in some versions",
        "rt_sigprocmask": "fork in some versions of glibc",
        "rt_sigaction": "Python's end takes handlers back: the zygote has one, for its workers",
    },
    "worker": _ALWAYS,
    "parked worker": {
        **_ALWAYS,
        "mmap 0x22": "malloc: whether, is a matter of sizes",
        **dict.fromkeys(
            ("ftruncate", "munmap", "pwrite64", "mmap 0x1"),
            "the snapshot of a runtime, made once and kept on disk",
        ),
    },
    "compiler": {**_ALWAYS, **_COMPILE, **_SERVER},
    "compile": {
        **_ALWAYS,
        **_COMPILE,
        "close": "descriptors that came with a message that is refused",
    },
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[Call]:
    out = tmp_path_factory.mktemp("calls") / "calls.json"
    script, workload = HERE / "tracing.py", HERE / "workload.py"
    done = subprocess.run(
        [sys.executable, script, out, sys.executable, workload],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr
    return [(*call[:4], tuple(call[4])) for call in json.loads(out.read_text())]


def named(rules: tuple[Rule, ...]) -> Iterator[tuple[str, Rule, int | None]]:
    """Each rule, and each value of one: (name, rule, value)."""
    for rule in rules:
        if not rule.values:
            yield rule.name, rule, None
        for value in rule.values:
            yield f"{rule.name} {value:#x}", rule, value


def unused(rules: tuple[Rule, ...], calls: list[Call]) -> set[str]:
    found = set()
    for name, rule, value in named(rules):
        due = 1 if value == SELF else value
        number = NUMBERS[rule.name]
        if not any(
            call[3] == number and (due is None or call[4][rule.argument] == due) for call in calls
        ):
            found.add(rule.name if value == SELF else name)
    return found


def under(calls: list[Call], server: str, *, child: bool, level: int) -> list[Call]:
    """The calls that a filter decided about: a child is under its server's as well."""
    return [
        call
        for call in calls
        if call[0] == server and (call[1] or not child) and (not child or call[2] >= level)
    ]


LISTS = {
    "zygote": (filters.ZYGOTE.server, "zygote", False, 0),
    "worker": (filters.WORKER, "zygote", True, 1),
    "parked worker": (filters.PARKED, "zygote", True, 2),
    "compiler": (filters.COMPILER.server, "compiler", False, 0),
    "compile": (filters.COMPILE, "compiler", True, 1),
}


@pytest.mark.parametrize("name", LISTS)
def test_every_rule_is_needed_or_has_its_reason(calls: list[Call], name: str) -> None:
    rules, server, child, level = LISTS[name]
    names = {rule.name for rule in rules} | {name for name, _, _ in named(rules)}
    assert set(STAY[name]) <= names, "a reason for a rule that is not there"
    found = unused(rules, under(calls, server, child=child, level=level))
    assert not sorted(found - set(STAY[name]))
