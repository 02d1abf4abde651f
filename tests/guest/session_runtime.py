"""A raw guest's runtime snapshot, its VMs, and what a session of them keeps: for several tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import huge_runs
import rawguest
from harness import MEMORY, RecordingHost
from rawguest import DATA, REPLY, hypercall, load, save, store, wait

from hypercell.vmm import abi, delta
from hypercell.vmm.cpu_state import Registers
from hypercell.vmm.delta import DeltaState, Stretch
from hypercell.vmm.image import GuestImage
from hypercell.vmm.machine import Machine
from hypercell.vmm.runs import Run
from hypercell.vmm.snapshot import Snapshot

ARENA = abi.ARENA_BASE + abi.ARENA_STRIDE
SECOND = ARENA + abi.ARENA_STRIDE
BASE = 2 * abi.HUGE + 3 * abi.PAGE
GROWN = 5 * abi.HUGE + abi.PAGE
HEAP = abi.HEAP + 0x50_0000


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


class Kept(NamedTuple):
    state: DeltaState
    index: list[Stretch]
    pieces: list[int]

    def after(self, state: DeltaState, fd: int, runs: bytes) -> Kept:
        """With one more commit on top."""
        new = delta.stretches(runs_of(runs), len(self.pieces))
        return Kept(state, delta.overlay(self.index, new), [*self.pieces, fd])


def runs_of(packed: bytes) -> list[tuple[int, int]]:
    numbers = memoryview(packed).cast("I").tolist()
    return list(zip(numbers[::2], numbers[1::2], strict=True))


class Runtime:
    """A raw guest's snapshot, and VMs of it."""

    def __init__(self, kvm_fd: int) -> None:
        self.kvm = kvm_fd
        self.host = RecordingHost()
        self.all: list[Machine | Snapshot] = []
        self.snapshot: Snapshot

    def make(self, code: bytes) -> None:
        """Two arenas, then a wait point, where the snapshot is; then ``code``."""
        begin = hypercall(abi.HC_GROW, 1, 0, BASE) + store(DATA, 1) + store(ARENA, 2)
        image = GuestImage(rawguest.raw_elf(begin + wait() + code))
        machine = Machine.boot(self.kvm, image, limits_memory=MEMORY)
        self.all.append(machine)
        machine.start(self.host)
        self.snapshot = machine.snapshot()
        self.all.append(self.snapshot)

    def fork(
        self,
        kept: Kept | None = None,
        *,
        huge: str = "none",
        memory: int = MEMORY,
        file: int | None = None,
    ) -> Machine:
        machine = Machine.fork(
            self.kvm, self.snapshot, limits_memory=memory, huge=huge_runs.of(self.snapshot, huge)
        )
        self.all.append(machine)
        if kept is not None:
            self.adopt(machine, kept, file=file)
        return machine

    def adopt(
        self,
        machine: Machine,
        kept: Kept,
        layers: list[int] | None = None,
        *,
        file: int | None = None,
        hot: Sequence[Run] | None = None,
    ) -> None:
        """``file``: the session's memory file; ``hot``: what belongs there, else all there is."""
        pieces = [os.dup(fd) for fd in kept.pieces]
        hot = self.snapshot.state.extents if hot is None else hot
        machine.adopt(kept.state, delta.pack_index(kept.index), pieces, layers or [], file, hot)

    def run(self, machine: Machine) -> bytes:
        reply = machine.run(b"", self.host)
        assert isinstance(reply, bytes)
        return reply

    def keep(self, machine: Machine, before: Kept | None = None, *, full: bool = False) -> Kept:
        if before is None or full:
            before = Kept(DeltaState(Registers(), b"", (), (), 0), [], [])
        return before.after(*machine.changes(full=full))


# Three cells: the first grows arenas and writes, the second writes some of that, the third tells.
WRITES = hypercall(abi.HC_GROW, 1, BASE, GROWN) + hypercall(abi.HC_GROW, 2, 0, abi.PAGE)
PLACES = {DATA: 11, HEAP: 22, ARENA: 33, ARENA + GROWN - 8: 44, SECOND: 55}
WRITES += b"".join(store(place, mark) for place, mark in PLACES.items())
AGAIN = store(HEAP, 23) + store(ARENA + abi.HUGE, 66)
CHANGED = PLACES | {HEAP: 23, ARENA + abi.HUGE: 66}


def tell(places: dict[int, int]) -> bytes:
    copies = b"".join(load(place) + save(REPLY + 8 * i) for i, place in enumerate(places))
    return copies + wait(8 * len(places))


def told(places: dict[int, int]) -> bytes:
    return b"".join(u64(mark) for mark in places.values())
