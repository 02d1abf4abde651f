"""`make bench` still measures what it says: a quick round of each kind, nothing written."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("group", "row"),
    [
        ("hello", "| C hello, parked VM |"),
        ("edit", "| C hello, edit to output |"),
        ("compute", "| sieve, matrices, recursion (-O2) |"),
        ("memory", "| hypercell | worker (one parked VM) |"),
    ],
)
def test_a_quick_round(group: str, row: str) -> None:
    results = (ROOT / "benchmarks" / "results.json").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", group],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr
    assert row in done.stdout
    assert (ROOT / "benchmarks" / "results.json").read_bytes() == results


def test_an_unknown_row_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "known: hello, cell" in done.stderr
