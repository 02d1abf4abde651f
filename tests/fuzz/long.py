"""``make fuzz``: every target for its share of the time, each in a process of its own, and a table.

The targets of this folder take half of it, those of the guest's crate an eighth, WASI beside
Wasmtime's the rest. Names on the command line: only these targets. Ends with 1 if any broke.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from table import HEAD, Row, row, summary

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUST = ("calls", "components", "layers")
DIFFERENTIAL = "wasi beside wasmtime"
_SAID = 4000  # characters of what a broken target said


def main() -> int:
    """Run all targets, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for all targets together")
    parser.add_argument("names", nargs="*", metavar="target")
    given = parser.parse_args()
    print(HEAD, flush=True)
    rows: list[Row] = []
    for each in _rows(given.names, given.seconds):
        print(each, flush=True)
        rows.append(each)
    for folder in (HERE / "corpus").iterdir():  # where nothing was found
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    print(summary(rows))
    return int(any(each.crashes for each in rows))


def _rows(names: Sequence[str], seconds: int) -> Iterator[Row]:
    listed = _python_names()
    known = [*listed, *(f"guest {name}" for name in RUST), DIFFERENTIAL]
    for name in names:
        if name not in known:
            sys.exit(f"no target {name!r}; there are: {', '.join(known)}")
    rust = [name for name in RUST if not names or f"guest {name}" in names]
    python = [name for name in listed if not names or name in names]
    differential = not names or DIFFERENTIAL in names
    part = seconds // 2 if rust and python else seconds
    for name in python:
        share = str(max(1, part // len(python)))
        yield _run(name, [sys.executable, str(HERE / "one.py"), name, share])
    if rust:
        _run("", [str(HERE / "rust.sh"), "build"])
    for name in rust:
        share = str(max(1, seconds // 8 // len(rust)))
        yield _run(f"guest {name}", [str(HERE / "rust.sh"), name, share])
    if differential:
        yield _wasi(seconds // 4)


def _python_names() -> list[str]:
    list_them = "import sys; sys.path += sys.argv[1:]; import targets; "
    list_them += "print(*(target.name for target in targets.TARGETS))"
    rooms = [str(HERE), *(str(HERE.parent / room) for room in ("hostile", "guest", "unit"))]
    command = [sys.executable, "-c", list_them, *rooms]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _run(name: str, command: Sequence[str], **environment: str) -> Row:
    started = time.monotonic()
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        print(said[-_SAID:], flush=True)
    seconds = time.monotonic() - started
    return row(name, said, broken=bool(done.returncode), seconds=seconds)


def _wasi(seconds: int) -> Row:
    """Hypothesis shrinks what differs; it belongs into the test's list of what differed once."""
    test = "tests/conformance/test_wasi_differential.py"
    command = [sys.executable, "-m", "pytest", "--capture=no", "--timeout=0", test]
    started = time.monotonic()
    environment = {**os.environ, "HYPERCELL_FUZZ_SECONDS": str(seconds)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    if done.returncode:
        print(done.stdout[-_SAID:], flush=True)
    found = re.search(r"(\d+) sequences, (\d+) calls", done.stdout)
    cases = int(found[2]) if found else 0
    return Row(DIFFERENTIAL, cases, int(bool(done.returncode)), None, time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
