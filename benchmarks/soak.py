"""``make soak CELLS=10000``: many cells in one session, and what they leave behind.

Descriptors, processes, memory files and temporary files must be back where they were, memory may
not grow by more than 1 KiB a cell, and the median latency of no kind of cell may drift.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.soak_cells import Cells
from hypercell.kernel import Session
from hypercell.kernel.config import Config
from hypercell.kernel.languages.clang.tools import Tools

_JUDGED_FROM = 1000  # cells: in fewer, caches that fill look like a slope
_GROWN = 1000  # cells: until then pages that a cell has changed are new ones of its session
_SAMPLES = 200
_SLOPE_MAX = 1024  # bytes a cell
_DRIFT_MAX = 1.05
_SETTLE_SECONDS = 10.0
_RARE = ("crash", "time-out", "interrupt")  # their time is that of a clock


def servers(own: psutil.Process) -> dict[str, psutil.Process]:
    """The processes that live as long as the session, by role."""
    found = {"kernel": own}
    for child in own.children():
        words = child.cmdline()
        if "-m" in words:
            found[words[words.index("-m") + 1].rsplit(".", 1)[-1]] = child
    return found


def held(own: psutil.Process) -> dict[str, int]:
    """What a leak would add to."""
    found: dict[str, int] = {}
    for role, process in servers(own).items():
        links = _links(process.pid)
        found[f"{role}: descriptors"] = len(links)
        found[f"{role}: memory files"] = sum(link.startswith("/memfd:") for link in links)
        found[f"{role}: children"] = len(process.children())
        found[f"{role}: threads"] = process.num_threads()
    found["temporary files"] = len(os.listdir(tempfile.gettempdir()))
    return found


def _links(pid: int) -> list[str]:
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except FileNotFoundError:  # the one that lists
            continue
    return links


def own_memory(pid: int) -> int:
    """Bytes of anonymous memory of a process: what it allocated, not what it maps of files."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) << 10
    raise ValueError("smaps_rollup has no line Anonymous")


def slope(points: list[tuple[int, int]]) -> float:
    """Bytes a cell, over the second half of the run: until then caches fill."""
    late = points[len(points) // 2 :]
    if len(late) < 3:
        return 0.0
    return statistics.linear_regression(*zip(*late, strict=True)).slope


def drift(times: array[float]) -> float:
    """The median of the last third by that of the first third."""
    third = len(times) // 3
    if third < 10:
        return 1.0
    return statistics.median(times[-third:]) / statistics.median(times[:third])


class Soak:
    """One run. ``report`` prints it and says what is wrong."""

    def __init__(self, cells: int) -> None:
        self._count = cells
        self._own = psutil.Process()
        self._memory: dict[str, list[tuple[int, int]]] = {}
        self._times: dict[str, array[float]] = {}
        self._before: Mapping[str, int] = {}
        self._after: Mapping[str, int] = {}

    async def run(self, seed: int, rare: float) -> dict[str, int]:
        """Run the cells; how many of each kind."""
        async with Session(Config()) as session:
            cells = Cells(session, seed, rare)
            await cells.fill_caches()
            await cells.reset()
            self._before = await self._settled(session)
            await cells.grow(min(_GROWN, self._count // 5))
            cells.counts.clear()
            started = time.monotonic()
            for number in range(self._count):
                begun = time.perf_counter()
                kind = await cells.next()
                self._times.setdefault(kind, array("d")).append(time.perf_counter() - begun)
                if number % max(self._count // _SAMPLES, 1) == 0:
                    self._sample(number)
                if number % max(self._count // 20, 1) == 0:
                    rate = (number + 1) / (time.monotonic() - started)
                    print(f"{number:7} cells, {rate:.0f} a second", file=sys.stderr, flush=True)
            await cells.reset()
            self._after = await self._settled(session)
            return dict(cells.counts)

    async def _settled(self, session: Session) -> dict[str, int]:
        """What is held once it stays the same: VMs are parked in the background."""
        end = time.monotonic() + _SETTLE_SECONDS
        hypervisor = await session.hypervisor()
        await Tools.of(hypervisor).prepared()
        await hypervisor.filled()
        before, since = held(self._own), time.monotonic()
        while time.monotonic() - since < 1 and time.monotonic() < end:
            await asyncio.sleep(0.1)
            now = held(self._own)
            if now != before:
                before, since = now, time.monotonic()
        return before

    def _sample(self, number: int) -> None:
        for role, process in servers(self._own).items():
            self._memory.setdefault(role, []).append((number, own_memory(process.pid)))

    def report(self, counts: Mapping[str, int]) -> list[str]:
        """Print the table; what is wrong."""
        wrong = []
        print("\n| kind | cells | median ms | last third by first |\n|---|---|---|---|")
        for kind, times in sorted(self._times.items()):
            ratio = drift(times)
            median = statistics.median(times) * 1000
            print(f"| {kind} | {counts[kind]} | {median:.2f} | {ratio:.3f} |")
            if self._count >= _JUDGED_FROM and kind not in _RARE and ratio > _DRIFT_MAX:
                wrong.append(f"the median of {kind} cells drifted by {ratio:.3f}")
        print("\n| process | MiB at the start | at the end | bytes a cell |\n|---|---|---|---|")
        for role, points in self._memory.items():
            grows = slope(points)
            first, last = points[0][1] / 2**20, points[-1][1] / 2**20
            print(f"| {role} | {first:.1f} | {last:.1f} | {grows:.0f} |")
            if self._count >= _JUDGED_FROM and grows > _SLOPE_MAX:
                wrong.append(f"{role} grows by {grows:.0f} bytes a cell")
        print("\n| held | before | after |\n|---|---|---|")
        for name, number in self._before.items():
            now = self._after.get(name, 0)
            print(f"| {name} | {number} | {now} |")
            if now > number:
                wrong.append(f"{name}: {number} before, {now} after")
        return wrong


def main() -> None:
    """Parse the command line, run, and end with status 1 if something is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rare", type=float, default=0.01, help="share of crashes, time-outs, …")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        tempfile.tempdir = directory
        soak = Soak(given.cells)
        counts = asyncio.run(soak.run(given.seed, given.rare))
        wrong = soak.report(counts)
    print()
    print(*(wrong or ["nothing is left"]), sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
