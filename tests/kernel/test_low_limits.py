"""Few descriptors or little memory: cells run, or say what to do; nothing hangs, no state is lost
without a word.
"""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from real_kernel import start

SCRIPT = Path(__file__).with_name("low_limits_cells.py")
CASES = [("nofile", 12), ("nofile", 24), ("nofile", 40), ("start", 200), ("memory", 20)]
if os.environ.get("HYPERCELL_THOROUGH"):
    CASES += [("nofile", n) for n in range(8, 70, 2)]
    CASES += [("start", n) for n in (1, 10, 50, 100, 400, 800)]
    CASES += [("memory", n) for n in (1, 2, 5, 10, 50, 100, 200, 400)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "value"), CASES)
def test_a_session_ends_and_says_what_to_do(kind: str, value: int) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), kind, str(value)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("ended\n")


def _limited(soft: int, hard: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("hard", [32, 64])
def test_a_kernel_that_may_have_too_few_descriptors_ends_at_once(tmp_path: Path, hard: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hypercell.kernel", "-f", str(tmp_path / "connection.json")],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        preexec_fn=functools.partial(_limited, hard, hard),
    )
    assert done.returncode == 1
    assert f"the limit on open files is {hard}" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_kernel_takes_the_descriptors_that_it_may_have(kernelspec: Path) -> None:
    client = start(kernelspec, first=functools.partial(_limited, 32, 512))
    assert client.run("x = 1").error == ""
    assert client.run("x").result == "1"
    client.client.stop_channels()
    client.manager.shutdown_kernel(now=True)
