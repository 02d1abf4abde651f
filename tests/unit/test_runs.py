"""Runs against sets of their pages."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.vmm import abi, runs
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.runs import Run

_PAIRS = st.tuples(st.integers(0, 30), st.integers(1, 6)).map(lambda p: (p[0], p[0] + p[1]))
_ANY = st.lists(_PAIRS, max_size=6)


def _set(some: list[Run]) -> set[int]:
    return {page for start, end in some for page in range(start, end)}


def _sound(some: list[Run]) -> bool:
    ends = [end for _, end in some]
    return all(a < b for a, b in some) and all(
        end <= start for end, (start, _) in zip(ends, some[1:], strict=False)
    )


@given(_ANY)
def test_merged_runs_hold_the_same_and_lie_apart(some: list[Run]) -> None:
    found = runs.merged(some)
    assert _set(found) == _set(some)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found))


@given(_ANY, _ANY)
def test_overlap_and_rest_are_those_of_sets(left: list[Run], right: list[Run]) -> None:
    one, other = runs.merged(left), runs.merged(right)
    both, rest = runs.overlap(one, other), runs.without(one, other)
    assert _set(both) == _set(one) & _set(other)
    assert _set(rest) == _set(one) - _set(other)
    assert _sound(both)
    assert _sound(rest)


def test_units_of_memory_are_whole_in_order_and_inside() -> None:
    unit = abi.HUGE
    runs.check_units([])
    runs.check_units([(0, unit), (4 * unit, 6 * unit), (6 * unit, abi.CODE_GPA)])
    for wrong in (
        [(unit, unit)],
        [(2 * unit, unit)],
        [(-unit, unit)],
        [(0, unit + 1)],
        [(1, unit)],
        [(unit, 3 * unit), (2 * unit, 4 * unit)],
        [(0, abi.CODE_GPA + unit)],
    ):
        with pytest.raises(ProtocolViolation):
            runs.check_units(wrong)
