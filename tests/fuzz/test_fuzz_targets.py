"""Every fuzz target for a moment: seeds, what once broke it, and the same mutations each time.

``make fuzz`` runs them for long, with coverage as the guide.
"""

from __future__ import annotations

import pytest
from table import Row, row
from target import CORPUS, Target, short_run
from targets import TARGETS


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_only_typed_errors(target: Target) -> None:
    assert target.seeds
    short_run(target)


def test_every_folder_of_the_corpus_has_a_target() -> None:
    names = {target.name for target in TARGETS}
    assert len(names) == len(TARGETS)
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= names


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("#1\tINITED cov: 7 ft: 8\n#2048\tpulse  cov: 12 ft: 9\n", Row("x", 2048, 0, 12, 3)),
        ("#99\tDONE   cov: 5\nstat::number_of_executed_units: 1234\n", Row("x", 1234, 0, 5, 3)),
        ("Done 55 runs\n", Row("x", 55, 0, None, 3)),
        ("", Row("x", 0, 0, None, 3)),
    ],
)
def test_the_table_of_a_long_run_is_read_out_of_what_fuzzers_say(said: str, expected: Row) -> None:
    assert row("x", said, broken=False, seconds=3) == expected
