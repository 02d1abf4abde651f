"""One micro-VM in this process: boot or fork it, map code and layers, run it, snapshot it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum, auto
from typing import Self

from hypercell.vmm import abi, clock, codec, libc, memfd
from hypercell.vmm import delta as deltas
from hypercell.vmm.arenas import ArenaRecords, Arenas
from hypercell.vmm.commands import Ok, Touch
from hypercell.vmm.delta import DeltaState
from hypercell.vmm.delta_pages import DeltaPages
from hypercell.vmm.errors import Closed, HostError, ProtocolViolation
from hypercell.vmm.guest_memory import Content, GuestMemory
from hypercell.vmm.image import GuestImage
from hypercell.vmm.kvm import Vm
from hypercell.vmm.mailbox import Mailbox
from hypercell.vmm.page_tables import FIRST_FREE_TABLE, dynamic_tables, writable_ram
from hypercell.vmm.ring import OutputRing
from hypercell.vmm.run_loop import Deferred, Host, RunLoop
from hypercell.vmm.runs import Run
from hypercell.vmm.snapshot import (
    Snapshot,
    SnapshotState,
    copy_pages,
    populate,
    restore_pages,
    written_units,
)
from hypercell.vmm.windows import HugeMapping, Window

_TOUCHED = 512  # places: more are pages that a session has and may never use again


class State(Enum):
    """Where the guest stands."""

    NEW = auto()  # booted, has not run
    WAITING = auto()  # at HC_WAIT
    DEFERRED = auto()  # at HC_DEFERRED
    BROKEN = auto()  # a run ended with an error: only close() is left
    CLOSED = auto()


class Machine:
    """One KVM VM with one vCPU. Made by ``boot`` or ``fork``; ``close()`` may be called twice."""

    def __init__(
        self,
        kvm_fd: int,
        limits_memory: int,
        base: Snapshot | None = None,
        *,
        huge: Sequence[Run] = (),
        pagemap: int | None = None,
    ) -> None:
        self._pagemap = pagemap
        self._state = State.NEW
        self._base = base
        self._page_map: libc.PageMap | None = None
        self._delta: DeltaPages | None = None
        self._vm = Vm(kvm_fd)
        try:
            state = base.state if base else None
            content = Content(base.fd, base.state.extents, huge) if base else None
            self._memory = GuestMemory(self._vm, content)
        except BaseException:
            self._vm.close()
            raise
        shared = self._memory.shared.view
        self._mailbox = Mailbox(shared)
        self._ring = OutputRing(shared, state.ring_position if state else 0)
        next_table = state.next_table if state else FIRST_FREE_TABLE
        self._tables = dynamic_tables(self._memory, next_table)
        self._code = Window(self._vm, self._tables, code=True)
        self._layers = Window(self._vm, self._tables, code=False)
        try:
            records = state.arenas if state else ArenaRecords()
            self._arenas = Arenas(self._memory, self._tables, records, limits_memory)
            self._rate = clock.ns_per_tick(self._vm)
        except BaseException:
            self.close()
            raise
        self._generation = int.from_bytes(os.urandom(7), "little")
        self.deterministic = False

    @classmethod
    def boot(
        cls, kvm_fd: int, image: GuestImage, *, limits_memory: int, pagemap: int | None = None
    ) -> Self:
        """Make a VM from the image; ``start`` then runs it to its first wait point.

        ``limits_memory``: bytes of all arenas together. Raises ``HostError``.
        """
        machine = cls(kvm_fd, limits_memory, pagemap=pagemap)
        try:
            image.write_to(machine._memory)
            machine._prepare_windows()
            machine._vm.reset_cpu()
            machine._vm.set_registers(image.registers())
        except BaseException:
            machine.close()
            raise
        return machine

    @classmethod
    def fork(
        cls,
        kvm_fd: int,
        snapshot: Snapshot,
        *,
        limits_memory: int,
        code: Sequence[int | HugeMapping] = (),
        layers: Sequence[int | HugeMapping] = (),
        huge: Sequence[Run] = (),
        pagemap: int | None = None,
    ) -> Self:
        """Make a VM that goes on where the snapshot was taken; its state is one that
        ``SnapshotState.unpack`` let through, or this process's own.

        ``code`` and ``layers``: descriptors or mappings of the files that the snapshot's guest had
        mapped, in that order. ``huge``: what of the snapshot is copied into huge pages now, the
        rest page by page when written. The snapshot must stay open while ``refresh`` or
        ``snapshot`` are wanted.
        """
        state = snapshot.state
        if len(code) != len(state.code) or len(layers) != len(state.layers):
            raise HostError(
                f"the snapshot needs {len(state.code)} code and {len(state.layers)} layer files, "
                f"not {len(code)} and {len(layers)}"
            )
        machine = cls(kvm_fd, limits_memory, snapshot, huge=huge, pagemap=pagemap)
        try:
            for record, source in zip(state.code, code, strict=True):
                machine._code.restore(record, source)
            for record, source in zip(state.layers, layers, strict=True):
                machine._layers.restore(record, source)
            machine._prepare_windows()
            machine._restore_cpu(state)
        except BaseException:
            machine.close()
            raise
        return machine

    def _prepare_windows(self) -> None:
        self._code.prepare()
        self._layers.prepare()

    def _restore_cpu(self, state: SnapshotState) -> None:
        self._vm.reset_cpu()
        self._vm.set_xsave(state.xsave)
        self._vm.set_registers(state.registers)
        self._state = State.DEFERRED if state.deferred else State.WAITING

    def close(self) -> None:
        """Destroy the VM and free its memory. Calling it again does nothing."""
        if self._state is not State.CLOSED:
            self._state = State.CLOSED
            self._vm.close()
            self._code.close()
            self._layers.close()
            self._memory.close()
            if self._delta is not None:
                self._delta.close()
            if self._page_map is not None:
                self._page_map.close()

    @property
    def state(self) -> State:
        """Where the guest stands."""
        return self._state

    @property
    def limits_memory(self) -> int:
        """The limit of all arenas together, in bytes. It may be set between runs."""
        return self._arenas.limit

    @limits_memory.setter
    def limits_memory(self, limit: int) -> None:
        self._arenas.limit = limit

    @property
    def committed(self) -> int:
        """Bytes of all arenas together."""
        return self._arenas.committed

    @property
    def refused_grows(self) -> int:
        """How often the guest was refused more memory."""
        return self._arenas.refused

    def map_code(self, source: int | HugeMapping, size: int) -> tuple[int, int]:
        """Map a ``.cwasm`` of ``size`` bytes, ``.text`` executable: (address, length).

        The descriptor may be closed afterwards; a ``HugeMapping`` must outlive the VM. Raises
        ``InvalidModule``, ``LimitExceeded``.
        """
        self._check_open()
        return self._code.map(source, size)

    def map_layer(self, source: int | HugeMapping, size: int) -> tuple[int, int]:
        """Map a file of ``size`` bytes read-only: (address, length)."""
        self._check_open()
        return self._layers.map(source, size)

    def forget_layers(self, count: int) -> None:
        """Leave the last layers out of what is kept: a guest that goes on from here lacks them."""
        del self._layers.mapped[len(self._layers.mapped) - count :]

    def _check_open(self) -> None:
        if self._state in (State.BROKEN, State.CLOSED):
            raise Closed(f"the VM cannot be used: it is {self._state.name.lower()}")

    def start(self, host: Host) -> bytes | Deferred:
        """Run a booted VM to its first wait point."""
        return self._resume(host, State.NEW)

    def run(self, batch: bytes, host: Host) -> bytes | Deferred:
        """Answer the wait point with a batch and run to the next one; return the reply bytes.

        Raises ``GuestError`` when the guest fails or lies, and whatever ``host`` raises. After any
        error the VM can only be closed.
        """
        if self._state in (State.WAITING, State.DEFERRED):
            self._mailbox.write_batch(batch)
        return self._resume(host, State.WAITING, State.DEFERRED)

    def _resume(self, host: Host, *allowed: State) -> bytes | Deferred:
        if self._state not in allowed:
            raise Closed(f"the VM cannot run: it is {self._state.name.lower()}")
        self._state = State.BROKEN
        self._generation += 1
        seed = bytes(32) if self.deterministic else os.urandom(32)
        flags = abi.FLAG_DETERMINISTIC if self.deterministic else 0
        self._mailbox.write_seed(seed, self._generation, flags)
        self._mailbox.write_clock(clock.read(self._vm, self._rate))
        loop = RunLoop(self._vm, self._mailbox, self._ring, self._arenas)
        result = loop.run(host)
        self._state = State.DEFERRED if isinstance(result, Deferred) else State.WAITING
        return result

    def snapshot(self) -> Snapshot:
        """Copy the VM, at its wait point, to a sealed memory file; the VM may go on."""
        if self._state not in (State.WAITING, State.DEFERRED):
            raise Closed(f"no snapshot of a VM that is {self._state.name.lower()}")
        if self._memory.shared_units:
            raise Closed("a VM with a session's memory file has no memory of its own to snapshot")
        self._vm.complete_io()
        fd, extents = copy_pages(self._memory, self._pages(), self._base)
        try:
            self._arenas.promote(fd)
            state = SnapshotState(
                registers=self._vm.registers(),
                xsave=self._vm.xsave(),
                arenas=self._arenas.records(),
                next_table=self._tables.next_table,
                code=tuple(self._code.mapped),
                layers=tuple(self._layers.mapped),
                ring_position=self._ring.position,
                deferred=self._state is State.DEFERRED,
                ram=writable_ram(self._memory),
                extents=tuple(extents),
            )
            memfd.seal(fd)
        except BaseException:
            os.close(fd)
            raise
        return Snapshot(fd, state)

    def populate(self) -> None:
        """Copy the pages of a small snapshot ahead, before the guest runs."""
        if self._base is not None:
            populate(self._memory, self._base)

    def warm_up(self) -> None:
        """Announce a warm-up run: what it grows, ``refresh`` can take back."""
        self._arenas.small_pages = True

    def written_units(self, least: int) -> list[Run]:
        """The 2 MiB units of memory of which at least so many pages were written since the fork."""
        return written_units(self._memory, self._pages(), least)

    def refresh(self) -> int:
        """After a warm-up run, make the state the snapshot's again, pages staying mapped.

        Only memory that ``warm_up`` preceded can be taken back. Code and layers that the warm-up
        mapped stay where they are, beyond the guest's knowledge. Returns the bytes copied back.
        """
        self._check_open()
        if self._base is None or self._state is State.NEW:
            raise Closed("only a VM forked from a snapshot can be refreshed")
        if self._memory.shared_units:
            raise Closed("a VM with a session's memory file cannot be refreshed")
        self._state = State.BROKEN
        self._vm.complete_io()
        self._arenas.trim(self._base.state.arenas)
        copied = restore_pages(self._memory, self._pages(), self._base)
        self._ring.restart(self._base.state.ring_position)
        self._arenas.small_pages = False
        self._restore_cpu(self._base.state)
        return copied

    def adopt(
        self,
        state: DeltaState,
        index: bytes,
        pieces: Sequence[int],
        layers: Sequence[int],
        memory: int | None = None,
        hot: Sequence[Run] = (),
    ) -> None:
        """Make the state of a VM forked from a runtime snapshot a session's, before it runs.

        ``index`` and ``pieces``: of its pages, see ``delta``; ``layers``: all that it maps;
        ``memory``: a file that goes from VM to VM of the session, in which its pages are already,
        or will be; ``hot``: units of memory that belong there. Takes the descriptors ``pieces``.
        All come from hostile processes: raises ``ProtocolViolation``, ``HostError``; then the VM
        can only be closed.
        """
        self._check_open()
        base = self._runtime().state
        pages = self._changes()
        pages.take(pieces)
        self._state = State.BROKEN
        sizes = [memfd.size_of(fd) for fd in layers]
        deltas.check_state(state, base.arenas.committed, sizes, sum(state.committed))
        for fd, size, offset in zip(layers, sizes, state.layers, strict=True):
            if self._layers.map(fd, size)[0] != abi.LAYER_BASE + offset:
                raise HostError("a layer of a session has no place where it was")
        self._arenas.adopt(state.committed)
        pages.put(index, memory, hot)
        self._ring.restart(state.ring_position)
        self._vm.set_xsave(state.xsave)
        self._vm.set_registers(state.registers)
        self._state = State.WAITING

    def touch(self, host: Host) -> None:
        """After ``adopt``: have the guest touch what its cells use, while nobody waits.

        It may already be hostile. Raises what ``run`` raises.
        """
        places = self._changes().places()[:_TOUCHED]
        for mapped in self._code.mapped:
            end = abi.CODE_BASE + mapped.offset + mapped.size
            places += range(-(-(end - mapped.size) // abi.HUGE) * abi.HUGE, end, abi.HUGE)
        command = Touch(tuple(places))
        reply = self.run(codec.encode([command]), host)
        after, self._state = self._state, State.BROKEN
        if isinstance(reply, Deferred) or not isinstance(codec.decode([command], reply)[0], Ok):
            raise ProtocolViolation("the guest does not touch its own memory")
        self._state = after

    def changes(self, *, full: bool) -> tuple[DeltaState, int, bytes]:
        """What the VM's memory has that the state it began with has not, at its wait point.

        (state, a sealed piece, its pages). ``full``: since the runtime snapshot.
        """
        if self._state is not State.WAITING:
            raise Closed(f"nothing of a VM can be kept that is {self._state.name.lower()}")
        base = self._runtime().state
        self._vm.complete_io()
        state = DeltaState(
            registers=self._vm.registers(),
            xsave=self._vm.xsave(),
            committed=tuple(self._arenas.sizes),
            layers=tuple(layer.offset for layer in self._layers.mapped[len(base.layers) :]),
            ring_position=self._ring.position,
        )
        fd, runs = self._changes().collect(self._pages(), full=full)
        return state, fd, deltas.pack_runs(runs)

    def expect_session(self) -> None:
        """Get ready for ``adopt`` and ``changes``, while nobody waits: it takes longer than it
        saves.
        """
        self._changes().get_ready()

    def _runtime(self) -> Snapshot:
        if self._base is None or self._state in (State.NEW, State.DEFERRED):
            raise Closed("only a VM forked from a runtime snapshot can be a session's")
        return self._base

    def _changes(self) -> DeltaPages:
        if self._delta is None:
            self._delta = DeltaPages(self._memory, self._arenas, self._runtime())
        return self._delta

    def _pages(self) -> libc.PageMap:
        if self._page_map is None:
            self._page_map = libc.PageMap(self._pagemap)
        return self._page_map
