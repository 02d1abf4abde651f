"""The chain of a session's snapshots, without VMs."""

from __future__ import annotations

from typing import Any

import pytest

from hypercell.kernel import states as module
from hypercell.kernel.errors import UsageError
from hypercell.kernel.states import State, States


class Snapshot:
    size = 100 << 20


class Hypervisor:
    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def park(self, snapshot: Any) -> None:
        self.said.append(("park", snapshot))

    def unpark(self, snapshot: Any) -> None:
        self.said.append(("unpark", snapshot))

    def discard(self, snapshot: Any) -> None:
        self.said.append(("discard", snapshot))


def state(label: str) -> State:
    return State(label, Snapshot(), 1, home_before={label: None})  # type: ignore[arg-type,dict-item]


@pytest.fixture
def hypervisor() -> Hypervisor:
    return Hypervisor()


@pytest.fixture
def states(hypervisor: Hypervisor) -> States:
    return States(hypervisor, state("start"))  # type: ignore[arg-type]


def test_only_the_newest_is_parked_and_undo_goes_back(
    states: States, hypervisor: Hypervisor
) -> None:
    first, second, third = map(state, ("1", "2", "3"))
    for each in (first, second, third):
        states.add(each)
    assert hypervisor.said == [("unpark", first.snapshot), ("unpark", second.snapshot)]
    assert states.undo(2) == {"2": None}
    assert states.current is first
    assert hypervisor.said[2:] == [
        ("discard", second.snapshot),
        ("discard", third.snapshot),
        ("park", first.snapshot),
    ]
    assert states.undo(1) == {"1": None}
    assert states.current.label == "start"
    with pytest.raises(UsageError):
        states.undo(1)


def test_the_oldest_goes_first(states: States, hypervisor: Hypervisor) -> None:
    made = [state(str(number)) for number in range(9)]
    for each in made:
        states.add(each)
    kept = states.history()
    assert kept == tuple(made[-len(kept) :])
    assert sum(each.snapshot.size for each in kept[:-1]) <= module.HISTORY_BYTES
    states.clear()
    assert states.current.label == "start"
    assert sum(what == "discard" for what, _ in hypervisor.said) == 9
