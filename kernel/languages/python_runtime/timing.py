"""``%time``, ``%timeit`` and their cells: how long Python takes, said as IPython says it."""

from __future__ import annotations

import gc
import math
import statistics
import sys
import time
import timeit as _timeit
from collections.abc import Callable
from typing import Any

from hypercell.kernel.languages.python_runtime.place import Place, UsageError

_clock, _Timer = time.perf_counter, _timeit.Timer
_ENOUGH = 0.2  # seconds that one run of many loops should take


class TimeitResult:
    """What ``%timeit -o`` returns. Times in seconds for one loop."""

    def __init__(self, loops: int, repeat: int, all_runs: list[float], precision: int) -> None:
        self.loops, self.repeat, self.all_runs = loops, repeat, all_runs
        self.timings = [run / loops for run in all_runs]
        self.best, self.worst = min(self.timings), max(self.timings)
        self.average = statistics.fmean(self.timings)
        self.stdev = statistics.pstdev(self.timings)
        self._precision = precision

    def __str__(self) -> str:
        mean, spread = (show(value, self._precision) for value in (self.average, self.stdev))
        runs = f"{self.repeat} run{'s' * (self.repeat != 1)}"
        loops = f"{self.loops:,} loop{'s' * (self.loops != 1)} each"
        return f"{mean} ± {spread} per loop (mean ± std. dev. of {runs}, {loops})"

    def __repr__(self) -> str:
        return f"<TimeitResult : {self}>"


def show(seconds: float, precision: int = 3) -> str:
    """A time with its unit."""
    if seconds >= 60:
        minutes, rest = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}h {minutes}min {rest}s" if hours else f"{minutes}min {rest}s"
    order = min(-int(math.floor(math.log10(seconds)) // 3), 3) if seconds > 0 else 3
    return f"{seconds * 1000.0**order:.{precision}g} {('s', 'ms', 'μs', 'ns')[max(order, 0)]}"


def time_line(shell: Any, line: str, place: Place) -> Any:
    """``%time STATEMENT``."""
    if not line:
        raise UsageError("%time needs a statement; %%time in the first line times the cell")
    tree = place.parse(line)
    return time_cell(lambda: place.run(tree, shell.wait))


def time_cell(run: Callable[[], Any]) -> Any:
    """Run it and print the time; the time is printed if it fails as well."""
    began = _clock()
    try:
        return run()
    finally:
        took = _clock() - began
        sys.stdout.write(f"Wall time: {show(took)}\n")


def timeit(shell: Any, line: str, place: Place, cell: str | None = None) -> TimeitResult | None:
    """``%timeit [OPTIONS] STATEMENT``, and ``%%timeit [OPTIONS] [SETUP]`` above ``cell``."""
    options, statement = _options(line)
    if cell is not None:
        setup, statement = statement or "pass", cell
    else:
        setup = "pass"
        if not statement:
            raise UsageError("%timeit needs a statement; %%timeit in the first line takes the cell")
    timer = _Timer(statement, setup, timer=_clock, globals=place.merged())
    number = int(options.get("n", 0))
    was_on = gc.isenabled()
    if number <= 0:
        number = 1
        while timer.timeit(number) < _ENOUGH and number < 10**9:
            number *= 10
    repeat = max(int(options.get("r", 7)), 1)
    try:
        runs = timer.repeat(repeat, number)
    finally:
        if was_on:
            gc.enable()
    result = TimeitResult(number, repeat, runs, int(options.get("p", 3)))
    if "q" not in options:
        sys.stdout.write(f"{result}\n")
    return result if "o" in options else None


def _options(line: str) -> tuple[dict[str, str], str]:
    """The options in front of a statement, which stays as it is written."""
    found: dict[str, str] = {}
    rest = line.strip()
    while rest.startswith("-") and rest[1:2] in set("nrptcqo"):
        letter, rest = rest[1], rest[2:].lstrip() if rest[1] in "nrp" else rest[2:]
        value = ""
        if letter in "nrp":
            value, _, rest = rest.partition(" ")
            if not value.isdecimal():
                raise UsageError(f"-{letter} needs a number")
        elif rest and not rest[0].isspace():
            rest = f"-{rest}"  # -oq
        found[letter] = value
        rest = rest.lstrip()
    return found, rest
