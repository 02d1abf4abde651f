"""Where the official suites are: ``HYPERCELL_SUITES``, else beside the project."""

from __future__ import annotations

import functools
import os
import tarfile
import tempfile
from pathlib import Path

import pytest

DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "suites"


@functools.cache
def unpacked(name: str, count: int) -> Path:
    """Unpack ``NAME.tar.xz``, which has ``count`` tests, and return the folder.

    Without it: skipped with that count, as the suites' own page asks; in CI a failure.
    """
    archive = Path(os.environ.get("HYPERCELL_SUITES", DEFAULT)) / f"{name}.tar.xz"
    if not archive.exists():
        hint = "set HYPERCELL_SUITES to the folder of the official suites"
        reason = f"{count} tests not run, no {archive.name}: {hint}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason, allow_module_level=True)
    holder = tempfile.TemporaryDirectory(prefix="hypercell-suite-")
    _HELD.append(holder)
    with tarfile.open(archive) as tar:
        tar.extractall(holder.name, filter="data")
    return Path(holder.name) / name


_HELD: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends
