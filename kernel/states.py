"""The states of an interpreter in a session: one after each cell that ended well, in lines.

A cell that did not end well is in none: the state is what it was before. A state never changes, so
lines share them, and undone ones can be done again until another cell has run.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypercell.kernel.errors import UsageError
from hypercell.kernel.home import HomeEntry
from hypercell.kernel.suggest import did_you_mean

if TYPE_CHECKING:
    from hypercell.vmm import Hypervisor
    from hypercell.vmm.session_state import Piece, SessionState
    from hypercell.vmm.vm_snapshot import Snapshot

HISTORY_BYTES = 512 << 20  # of all states together; the oldest go first
HISTORY_COUNT = 64
LINES_MAX = 16
_PAUSE = 0.05  # seconds: cells that come sooner after one another are in a row
MAIN = "main"
Files = Mapping[str, HomeEntry]


@dataclass(frozen=True, eq=False)
class State:
    """After one cell. ``memory``: bytes that the guest has.

    ``packages``: how many layers of the session's packages are mounted.
    ``home_before``, ``home_after``: /home when the cell began and when it had ended.
    ``home_mounted``: as it was mounted; what the guest reports as changed is since then.
    ``in_step``: whether the guest's /home is ``home_after``; else it must be mounted again.
    ``taken``: for people; ``number`` says which is older, whatever becomes of the clock.
    """

    label: str
    place: Snapshot | SessionState
    memory: int
    packages: int = 0
    in_step: bool = True
    home_mounted: Files = field(default_factory=dict)
    home_before: Files = field(default_factory=dict)
    home_after: Files = field(default_factory=dict)
    taken: float = field(default_factory=time.time)
    number: int = field(default_factory=itertools.count().__next__)

    def knows(self, home: Files) -> bool:
        """Whether the guest's /home is that."""
        return self.in_step and self.home_after == home


@dataclass
class Line:
    """States one after the other. ``undone``: the next one to do again is last.

    ``home``: /home when another line was taken up.
    """

    kept: list[State] = field(default_factory=list)
    undone: list[State] = field(default_factory=list)
    home: Files = field(default_factory=dict)


class States:
    """Of one interpreter in one session. ``lock``: held from a cell's start until it is committed.

    ``problem``: why the last cell's state could not be kept; the next cell says it.
    """

    def __init__(self, hypervisor: Hypervisor, runtime: State) -> None:
        self.lock = asyncio.Lock()
        self.runtime = runtime
        self.problem = ""
        self.line = MAIN
        self.lines = {MAIN: Line()}
        self._hypervisor = hypervisor
        self._ready: SessionState | None = None
        self._ended = 0.0  # loop time
        self._most = 0  # bytes: what all states take, or more

    @property
    def current(self) -> State:
        """Where the next cell begins."""
        kept = self.lines[self.line].kept
        return kept[-1] if kept else self.runtime

    @property
    def bytes(self) -> int:
        """What all states together take."""
        pieces = {piece for state in self._all() for piece in _pieces(state)}
        return sum(piece.size for piece in pieces)

    @property
    def count(self) -> int:
        """How many states there are."""
        return len(set(self._all()))

    @property
    def in_a_row(self) -> bool:
        """Whether the cell that has the lock came right after another: so may the next one."""
        return asyncio.get_running_loop().time() < self._ended + _PAUSE

    def release(self) -> None:
        """Let the next cell have the lock."""
        self._ended = asyncio.get_running_loop().time()
        self.lock.release()

    def add(self, state: State) -> None:
        """The state after a cell; undone ones are forgotten."""
        line = self.lines[self.line]
        line.kept.append(state)
        line.undone.clear()
        self._most += sum(piece.size for piece in _pieces(state))
        self.prepare()
        self._forget_oldest()

    def prepare(self) -> None:
        """Have a VM ready where the next cell begins, and none elsewhere."""
        from hypercell.vmm.session_state import SessionState

        place = self.current.place
        if self._ready is not None and self._ready is not place:
            self._hypervisor.unprepare(self._ready)
            self._ready = None
        if isinstance(place, SessionState):
            self._ready = place
            self._hypervisor.prepare(place)

    async def ready(self) -> None:
        """``prepare``, when no cell runs."""
        async with self.lock:
            self.prepare()

    def undo(self, count: int) -> Files:
        """Leave the last states; /home as it was before them. UsageError."""
        line = self.lines[self.line]
        if not 1 <= count <= len(line.kept):
            raise UsageError(
                f"%undo {count}: {len(line.kept)} cells can be undone",
                hint="%snapshots lists them",
            )
        for _ in range(count):
            line.undone.append(line.kept.pop())
        return line.undone[-1].home_before

    def redo(self, count: int) -> Files:
        """Take undone states again; /home as it was after them. UsageError."""
        line = self.lines[self.line]
        if not 1 <= count <= len(line.undone):
            raise UsageError(
                f"%redo {count}: {len(line.undone)} undone cells can be done again",
                hint="a new cell after %undo makes the undone ones go",
            )
        for _ in range(count):
            line.kept.append(line.undone.pop())
        return line.kept[-1].home_after

    def fork(self, name: str, home: Files) -> None:
        """Make a further line that begins where this one stands. UsageError."""
        if name in self.lines:
            raise UsageError(f"there is a line {name!r} already", hint=f"%switch {name} goes there")
        if len(self.lines) >= LINES_MAX:
            raise UsageError(f"there are {LINES_MAX} lines already", hint="%reset forgets them")
        self.lines[name] = Line(list(self.lines[self.line].kept), [], home)

    def switch(self, name: str, home: Files) -> Files:
        """Go on in another line; its /home. ``home``: what to find when coming back. UsageError."""
        if name not in self.lines:
            raise UsageError(f"there is no line {name!r}", hint=did_you_mean(name, [*self.lines]))
        self.lines[self.line].home = home
        self.line = name
        return self.lines[name].home

    def clear(self) -> None:
        """Back to the runtime as it was started; nothing is left of the lines."""
        self.lines = {MAIN: Line()}
        self.line = MAIN
        if self._ready is not None:
            self._hypervisor.unprepare(self._ready)
            self._ready = None

    def _all(self) -> Iterator[State]:
        for line in self.lines.values():
            yield from line.kept
            yield from line.undone

    def _over_budget(self) -> bool:
        if self._most > HISTORY_BYTES:  # only now it is worth counting
            self._most = self.bytes
        return self._most > HISTORY_BYTES

    def _forget_oldest(self) -> None:
        """Keep to the budget; where a line stands is never forgotten."""
        while self.count > HISTORY_COUNT or self._over_budget():
            ends = {line.kept[-1] for line in self.lines.values() if line.kept}
            old = min(set(self._all()) - ends, key=lambda state: state.number, default=None)
            if old is None:
                return
            for line in self.lines.values():
                if old in line.kept:
                    del line.kept[: line.kept.index(old) + 1]
                if old in line.undone:
                    line.undone.clear()


def _pieces(state: State) -> tuple[Piece, ...]:
    return getattr(state.place, "pieces", ())
