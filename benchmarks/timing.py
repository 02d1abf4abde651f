"""Rounds that take turns, so that a noisy minute hits all sides alike; medians and p95."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec


class Series(msgspec.Struct, frozen=True):
    """Times of one side of a row, in milliseconds."""

    name: str
    median: float
    p95: float
    least: float
    count: int

    @classmethod
    def of(cls, name: str, values: list[float]) -> Series:
        ordered = sorted(values)
        last = round(0.95 * (len(ordered) - 1))
        return cls(name, statistics.median(ordered), ordered[last], ordered[0], len(ordered))


class Row(msgspec.Struct, frozen=True):
    """One line of the table: ours, a peer that does the same otherwise, a floor below which
    nothing can be. ``aim_ratio``, ``aim_ms``: the most that we want ours to be, by the peer or
    as it is.
    """

    name: str
    ours: Series
    peer: Series | None = None
    floor: Series | None = None
    aim_ratio: float | None = None
    aim_ms: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours by the peer's, of the medians."""
        return self.ours.median / self.peer.median if self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether ours is where we want it; None without an aim."""
        if self.aim_ms is not None:
            return self.ours.median <= self.aim_ms
        if self.aim_ratio is not None and self.ratio is not None:
            return self.ratio <= self.aim_ratio
        return None


Side = Callable[[], Awaitable[float]]


async def alternate(
    sides: Mapping[str, Side], *, rounds: int, warm_up: int = 3
) -> dict[str, Series]:
    """Call each side in turn; a side returns its own time in milliseconds."""
    values: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-warm_up, rounds):
        for name, side in sides.items():
            took = await side()
            if number >= 0:
                values[name].append(took)
    return {name: Series.of(name, found) for name, found in values.items()}


class Clock:
    """``with Clock() as clock: …``; ``clock.ms`` afterwards."""

    ms = 0.0

    def __enter__(self) -> Clock:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.ms = (time.perf_counter() - self._start) * 1e3
