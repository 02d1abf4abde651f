"""What a long run says: a line for each target, and all of them together at the end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# As libFuzzer ends, or tells how far it is; `mutations` ends alike.
_CASES = re.compile(r"^#(\d+)\s|stat::number_of_executed_units:\s*(\d+)|^Done (\d+) runs", re.M)
_COVERAGE = re.compile(r"\bcov: (\d+)")
_LINE = "{:28} {:>12} {:>8} {:>9} {:>8}"


@dataclass(frozen=True)
class Row:
    """Of one target. ``coverage``: edges of code that it reached, None where nobody counts them."""

    name: str
    cases: int
    crashes: int
    coverage: int | None
    seconds: float

    def __str__(self) -> str:
        coverage = "-" if self.coverage is None else f"{self.coverage:,}"
        return _LINE.format(
            self.name, f"{self.cases:,}", self.crashes, coverage, f"{self.seconds:.0f} s"
        )


HEAD = _LINE.format("target", "cases", "crashes", "coverage", "time")


def row(name: str, output: str, *, broken: bool, seconds: float) -> Row:
    """Out of what a fuzzer printed."""
    cases = [int(number) for found in _CASES.findall(output) for number in found if number]
    coverage = [int(number) for number in _COVERAGE.findall(output)]
    return Row(name, max(cases, default=0), int(broken), max(coverage, default=None), seconds)


def summary(rows: Sequence[Row]) -> str:
    """The last line, and what to do about crashes."""
    total = Row(
        "together",
        sum(each.cases for each in rows),
        sum(each.crashes for each in rows),
        None,
        sum(each.seconds for each in rows),
    )
    lines = ["", HEAD, *map(str, rows), str(total)]
    broken = [each.name for each in rows if each.crashes]
    if broken:
        lines.append(
            f"broken: {', '.join(broken)}. What broke each lies in its folder of the corpus; "
            "the tests try it from now on."
        )
    return "\n".join(lines)
