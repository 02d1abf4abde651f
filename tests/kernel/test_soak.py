"""A short soak: `make soak` runs the long one, which also judges memory and latency."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(1300)
def test_100_mixed_cells_leave_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--cells", "100", "--rare", "0.04"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("nothing is left")
    for kind in ("crash", "time-out", "interrupt", "python", "c", "wat", "home"):
        assert f"| {kind} |" in done.stdout  # each kind ran
