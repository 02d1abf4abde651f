"""Every fuzz target for a moment: seeds, what once broke it, and the same mutations each time.

``make fuzz`` runs them for long, with coverage as the guide.
"""

from __future__ import annotations

import pytest
from target import CORPUS, Target, short_run
from targets import TARGETS

CASES = 1500  # of each target


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_typed_errors(target: Target) -> None:
    assert short_run(target, CASES) >= CASES


def test_every_folder_of_the_corpus_has_a_target() -> None:
    names = {target.name for target in TARGETS}
    assert len(names) == len(TARGETS)
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= names
