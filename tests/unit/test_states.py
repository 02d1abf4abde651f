"""The lines of a session's states, without VMs."""

from __future__ import annotations

import os
from typing import Any

import pytest

from hypercell.kernel import states as module
from hypercell.kernel.errors import UsageError
from hypercell.kernel.states import State, States
from hypercell.vmm.cpu_state import Registers
from hypercell.vmm.delta import DeltaState, Stretch
from hypercell.vmm.session_state import Piece, SessionState


class Hypervisor:
    """Only remembers where VMs wait."""

    def __init__(self) -> None:
        self.ready: list[SessionState] = []

    def prepare(self, state: SessionState) -> None:
        self.ready.append(state)

    def unprepare(self, state: SessionState) -> None:
        self.ready.remove(state)


def place(pages: int = 1) -> SessionState:
    piece = Piece(os.open(os.devnull, os.O_RDONLY), pages)
    nothing = DeltaState(Registers(), b"", (), (), 0)
    return SessionState(None, nothing, [Stretch(0, pages, 0, 0)], [piece], (), 1)  # type: ignore[arg-type]


def state(label: str, pages: int = 1, taken: float = 0.0) -> State:
    before: Any = {f"before {label}": None}
    after: Any = {f"after {label}": None}
    return State(label, place(pages), 1, home_before=before, home_after=after, taken=taken)


@pytest.fixture
def hypervisor() -> Hypervisor:
    return Hypervisor()


@pytest.fixture
def states(hypervisor: Hypervisor) -> States:
    return States(hypervisor, State("start", None, 1))  # type: ignore[arg-type]


def add(states: States, *made: State) -> None:
    for each in made:
        states.add(each)


def test_one_vm_waits_where_the_next_cell_begins(states: States, hypervisor: Hypervisor) -> None:
    first, second = state("1"), state("2")
    add(states, first, second)
    assert hypervisor.ready == [second.place]
    states.undo(1)
    states.prepare()
    assert hypervisor.ready == [first.place]
    states.undo(1)
    states.prepare()
    assert hypervisor.ready == []


def test_undo_and_redo(states: States) -> None:
    made = [state(label) for label in "123"]
    add(states, *made)
    assert states.undo(2) == {"before 2": None}
    assert states.current is made[0]
    assert states.redo(1) == {"after 2": None}
    assert states.current is made[1]
    assert states.redo(1) == {"after 3": None}
    assert states.undo(3) == {"before 1": None}
    assert states.current is states.runtime
    for wrong in (0, 1):
        with pytest.raises(UsageError):
            states.undo(wrong)
    with pytest.raises(UsageError):
        states.redo(4)


def test_another_cell_ends_what_was_undone(states: States) -> None:
    add(states, state("1"), state("2"))
    states.undo(1)
    add(states, state("3"))
    with pytest.raises(UsageError):
        states.redo(1)
    assert states.count == 2


def test_lines_share_their_past_and_go_on_apart(states: States) -> None:
    first, second, third = map(state, "123")
    add(states, first)
    states.fork("other", {"home": None})  # type: ignore[dict-item]
    add(states, second)
    assert states.switch("other", {"main": None}) == {"home": None}  # type: ignore[dict-item]
    assert states.current is first
    add(states, third)
    assert states.switch("main", {}) == {"main": None}
    assert states.current is second
    assert states.count == 3
    with pytest.raises(UsageError):
        states.fork("other", {})
    with pytest.raises(UsageError):
        states.switch("nowhere", {})
    for number in range(module.LINES_MAX - 2):
        states.fork(str(number), {})
    with pytest.raises(UsageError):
        states.fork("one too many", {})


@pytest.mark.parametrize("clock", [1, -1], ids=["onwards", "set back each time"])
def test_the_oldest_goes_first(states: States, clock: int) -> None:
    count = module.HISTORY_COUNT + 5
    made = [state(str(number), taken=1e9 + clock * number) for number in range(count)]
    add(states, *made)
    assert states.lines["main"].kept == made[5:]


def test_the_budget_counts_shared_pages_once(states: States) -> None:
    pages = module.HISTORY_BYTES // 4096 // 4
    made = [state(str(number), pages, taken=number) for number in range(9)]
    for each in made:
        add(states, each)
        states.fork(each.label, {})
        assert states.bytes <= max(module.HISTORY_BYTES, len(states.lines) * pages * 4096)
    states.clear()
    assert (states.count, states.bytes, states.current) == (0, 0, states.runtime)


def test_where_a_line_stands_is_never_forgotten(states: States) -> None:
    pages = module.HISTORY_BYTES // 4096 + 1
    big = state("big", pages)
    add(states, big)
    assert states.current is big
    later = state("later", pages, taken=1)
    add(states, later)
    assert states.lines["main"].kept == [later]
