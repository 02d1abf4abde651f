"""Runs: stretches (start, end) of pages or addresses, in order and apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hypercell.vmm import abi
from hypercell.vmm.errors import ProtocolViolation

Run = tuple[int, int]  # the first, and one after the last


def merged(runs: Iterable[Run]) -> list[Run]:
    """Runs in any order, in order; what touches or overlaps is one."""
    result: list[Run] = []
    for start, end in sorted(runs):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def overlap(left: Sequence[Run], right: Sequence[Run]) -> list[Run]:
    """What is in both."""
    result: list[Run] = []
    at = 0
    for start, end in left:
        while at < len(right) and right[at][1] <= start:
            at += 1
        for first, last in _from(right, at, end):
            result.append((max(first, start), min(last, end)))
    return result


def without(left: Sequence[Run], right: Sequence[Run]) -> list[Run]:
    """What is in the first, but not in the second."""
    result: list[Run] = []
    at = 0
    for start, end in left:
        while at < len(right) and right[at][1] <= start:
            at += 1
        for first, last in _from(right, at, end):
            if start < first:
                result.append((start, first))
            start = last
        if start < end:
            result.append((start, end))
    return result


def check_units(units: Sequence[Run]) -> None:
    """Raise ``ProtocolViolation`` unless runs are of whole 2 MiB units of memory, and in order."""
    position = 0
    for start, end in units:
        if not position <= start < end <= abi.CODE_GPA or start % abi.HUGE or end % abi.HUGE:
            raise ProtocolViolation("a worker sent units of memory that are none")
        position = end


def _from(runs: Sequence[Run], at: int, end: int) -> Iterator[Run]:
    while at < len(runs) and runs[at][0] < end:
        yield runs[at]
        at += 1
