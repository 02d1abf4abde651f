"""The state of an interpreter in a session: a chain of VM snapshots, one for each cell that ended
well. A cell that did not end well is not in it: the state is what it was before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypercell.kernel.errors import UsageError
from hypercell.kernel.home import HomeEntry

if TYPE_CHECKING:
    from hypercell.vmm import Hypervisor
    from hypercell.vmm.vm_snapshot import Snapshot

HISTORY_BYTES = 512 << 20  # of the earlier snapshots together; the oldest go first
HISTORY_COUNT = 16
UNKNOWN_HOME = -1


@dataclass(frozen=True)
class State:
    """After one cell. ``memory``: bytes that the guest has; ``home``: the version it knows.

    ``packages``: how many layers of the session's packages are mounted.

    ``home_mounted``: /home as it was mounted; what the guest reports as changed is since then.
    ``home_before``: /home as it was when the cell began; ``%undo`` brings it back.
    """

    label: str
    snapshot: Snapshot
    memory: int
    packages: int = 0
    home: int = UNKNOWN_HOME
    home_mounted: Mapping[str, HomeEntry] = field(default_factory=dict)
    home_before: Mapping[str, HomeEntry] = field(default_factory=dict)
    taken: float = field(default_factory=time.time)


class States:
    """Of one interpreter in one session. ``lock``: held from a cell's start until it is committed.

    ``problem``: why the last cell's state could not be kept; the next cell says it.
    """

    def __init__(self, hypervisor: Hypervisor, runtime: State) -> None:
        self.lock = asyncio.Lock()
        self.runtime = runtime
        self.problem = ""
        self._hypervisor = hypervisor
        self._kept: list[State] = []

    @property
    def current(self) -> State:
        """Where the next cell begins."""
        return self._kept[-1] if self._kept else self.runtime

    def history(self) -> tuple[State, ...]:
        """The states that are kept, oldest first."""
        return tuple(self._kept)

    def add(self, state: State) -> None:
        """The state after a cell."""
        if self._kept:
            self._hypervisor.unpark(self._kept[-1].snapshot)
        self._kept.append(state)
        while len(self._kept) > 1 and (
            len(self._kept) > HISTORY_COUNT
            or sum(kept.snapshot.size for kept in self._kept[:-1]) > HISTORY_BYTES
        ):
            self._hypervisor.discard(self._kept.pop(0).snapshot)

    def undo(self, count: int) -> Mapping[str, HomeEntry]:
        """Forget the last cells; /home as it was before them. UsageError."""
        if not 1 <= count <= len(self._kept):
            raise UsageError(
                f"%undo {count}: {len(self._kept)} cells can be undone",
                hint="%snapshots lists them",
            )
        undone = self._kept[-count:]
        del self._kept[-count:]
        for state in undone:
            self._hypervisor.discard(state.snapshot)
        if self._kept:
            self._hypervisor.park(self._kept[-1].snapshot)
        return undone[0].home_before

    def clear(self) -> None:
        """Back to the runtime as it was started."""
        kept, self._kept = self._kept, []
        for state in kept:
            self._hypervisor.discard(state.snapshot)
