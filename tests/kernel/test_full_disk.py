"""A disk that is really full: cells run on without a cache, nothing in it is ever half-written."""

from __future__ import annotations

from pathlib import Path

import pytest
from full_disk import LIMIT, TMPFS, run

HERE = Path(__file__).parent


@pytest.mark.timeout(1300)
@pytest.mark.parametrize("way", [TMPFS, LIMIT])
def test_cells_run_on_and_the_cache_stays_sound(tmp_path: Path, way: str) -> None:
    done = run(HERE / "full_disk_cells.py", tmp_path, way, PYTHONPATH=str(HERE.parent / "unit"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("sound\n")


@pytest.mark.timeout(1300)
@pytest.mark.parametrize("way", [TMPFS, LIMIT])
def test_toolchains_and_directories_are_whole_or_as_before(tmp_path: Path, way: str) -> None:
    done = run(HERE / "full_disk_files.py", tmp_path, way, PYTHONPATH=str(HERE.parent / "unit"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("sound\n")
