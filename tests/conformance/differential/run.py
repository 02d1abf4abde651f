"""Runs one sequence in both worlds, call by call, until they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from differential.compare import DIRECTORY, entries, result
from differential.steps import CLOSED, SIGNATURES, Slot, Step, lay
from differential.tolerated import PWRITE_TO_APPEND, Difference, Kind, judge
from differential.worlds import Ours, Outcome, Theirs, World

OPENS = "path_open"
RIGHT_READ, RIGHT_WRITE = 1 << 1, 1 << 6
ROUNDS = 200  # of one walk through a directory


@dataclass
class Tally:
    """What a run of sequences did."""

    sequences: int = 0
    calls: int = 0
    ended_early: int = 0
    tolerated: Counter[str] = field(default_factory=Counter)


class Different(AssertionError):
    """The worlds disagree, and nobody said that they may."""


def _walk(world: World, step: Step) -> list[tuple[bytes, int]] | int:
    """All names of a directory, listed with a small buffer and the cookies of this world."""
    slot, size = step.args
    cookie, names = 0, []
    for _ in range(ROUNDS):
        listing = Step("fd_readdir", (slot, size, cookie))
        outcome = world.call("fd_readdir", lay(listing, world.slots))
        if outcome.errno:
            return outcome.errno
        used, found = entries(outcome)
        names += [(name, kind) for _, name, kind in found]
        if used < int(size) or not found:  # type: ignore[arg-type]
            return sorted(names)
        cookie = found[-1][0]
    return -2


def _appends(world: World, step: Step) -> bool:
    """Whether the call's descriptor is open for appending."""
    stat = world.call("fd_fdstat_get", lay(Step("fd_fdstat_get", step.args[:1]), world.slots))
    return not stat.errno and bool(stat.out[2] & 1)


def _lacks(world: World, step: Step, right: int) -> bool:
    """Whether our descriptor came without a right."""
    if not step.name.startswith("fd_"):
        return False
    stat = world.call("fd_fdstat_get", lay(Step("fd_fdstat_get", step.args[:1]), world.slots))
    return not stat.errno and not stat.out[8] & right


def _unfit(world: World, step: Step) -> bool:
    """Whether a descriptor of the call is not open, or of the wrong kind."""
    for given, kind in zip(step.args, _inputs(step), strict=True):
        if kind != "fd":
            continue
        if not isinstance(given, Slot) or world.slots.get(given.number, CLOSED) == CLOSED:
            return True
        stat = world.call("fd_fdstat_get", lay(Step("fd_fdstat_get", (given,)), world.slots))
        if "path" in step.name and stat.out[0] != DIRECTORY:
            return True
    return False


def _inputs(step: Step) -> list[str]:
    return [kind for kind in SIGNATURES[step.name].split() if kind != "out"]


def _track(step: Step, world: World, outcome: Outcome) -> None:
    """Remember what a call did to the descriptors."""
    if outcome.errno or not step.args or not isinstance(step.args[0], Slot):
        return
    if step.name == OPENS:
        world.slots[len(world.slots)] = int.from_bytes(outcome.out[:4], "little")
    elif step.name == "fd_close":
        world.slots[step.args[0].number] = CLOSED
    elif step.name == "fd_renumber" and isinstance(step.args[1], Slot):
        source, onto = step.args[0].number, step.args[1].number
        if source != onto and source in world.slots:
            world.slots[source] = CLOSED  # its number is free; the other slot's is now this file


def compare(steps: Sequence[Step], ours: Ours, theirs: Theirs, tally: Tally) -> None:
    """Raise ``Different`` for the first difference that is not tolerated."""
    tally.sequences += 1
    for place, step in enumerate(steps):
        tally.calls += 1
        where = f"call {place}, {step!r}"
        if step.name == "walk":
            mine, other = _walk(ours, step), _walk(theirs, step)
            if isinstance(mine, list) != isinstance(other, list) or (
                isinstance(mine, list) and mine != other
            ):
                raise Different(f"{where}: we list {mine}, Wasmtime {other}")
            continue
        if step.name == "fd_pwrite" and _appends(ours, step):
            tally.tolerated[PWRITE_TO_APPEND] += 1
            continue
        one = ours.call(step.name, lay(step, ours.slots))
        two = theirs.call(step.name, lay(step, theirs.slots))
        mine, other = result(step, one), result(step, two)
        if one.errno != two.errno or (not one.errno and mine != other):
            case = Difference(
                step,
                one.errno,
                two.errno,
                _unfit(ours, step),
                _lacks(ours, step, RIGHT_READ),
                _lacks(ours, step, RIGHT_WRITE),
            )
            tolerated = judge(case)
            if tolerated is None:
                said = (mine, other) if one.errno == two.errno else case.errnos
                raise Different(f"{where}: we give {said[0]}, Wasmtime {said[1]}")
            tally.tolerated[tolerated.name] += 1
            if tolerated.kind is Kind.ENDS:
                tally.ended_early += 1
                return
        _track(step, ours, one)
        _track(step, theirs, two)
    if (here := ours.tree()) != (there := theirs.tree()):
        raise Different(f"at the end our tree is {here}, Wasmtime's {there}")
