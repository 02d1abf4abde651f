"""What of a snapshot a fork copies into huge pages: nothing, all of it, or its last 2 MiB."""

from __future__ import annotations

from collections.abc import Sequence

from hypercell.vmm import abi
from hypercell.vmm.runs import Run
from hypercell.vmm.snapshot import Snapshot

KINDS = ("none", "all", "part")


def of(snapshot: Snapshot, kind: str) -> Sequence[Run]:
    """The runs for ``Machine.fork``."""
    extents = snapshot.state.extents
    last = extents[-1][1]
    return {"none": (), "all": extents, "part": ((last - abi.HUGE, last),)}[kind]
