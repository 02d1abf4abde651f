"""One micro-VM in this process: boot or fork it, map code and layers, run it, snapshot it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum, auto
from typing import Self

from hypercell.vmm import abi, clock
from hypercell.vmm.arenas import ArenaRecords, Arenas
from hypercell.vmm.errors import Closed, HostError
from hypercell.vmm.guest_memory import GuestMemory
from hypercell.vmm.image import GuestImage
from hypercell.vmm.kvm import Vm
from hypercell.vmm.mailbox import Mailbox
from hypercell.vmm.page_tables import dynamic_tables
from hypercell.vmm.ring import OutputRing
from hypercell.vmm.run_loop import Deferred, Host, RunLoop


class State(Enum):
    """Where the guest stands."""

    NEW = auto()  # booted, has not run
    WAITING = auto()  # at HC_WAIT
    DEFERRED = auto()  # at HC_DEFERRED
    BROKEN = auto()  # a run ended with an error: only close() is left
    CLOSED = auto()


class Machine:
    """One KVM VM with one vCPU. Made by ``boot`` or ``fork``; ``close()`` may be called twice."""

    def __init__(self, kvm_fd: int, limits_memory: int) -> None:
        self._state = State.NEW
        self._vm = Vm(kvm_fd)
        try:
            self._memory = GuestMemory(self._vm)
        except BaseException:
            self._vm.close()
            raise
        shared = self._memory.shared.view
        self._mailbox = Mailbox(shared)
        self._ring = OutputRing(shared)
        self._tables = dynamic_tables(self._memory)
        self._arenas = Arenas(self._memory, self._tables, ArenaRecords(), limits_memory)
        self._rate = clock.ns_per_tick(self._vm)
        self._generation = int.from_bytes(os.urandom(7), "little")
        self.deterministic = False

    @classmethod
    def boot(cls, kvm_fd: int, image: GuestImage, *, limits_memory: int) -> Self:
        """Make a VM from the image; ``start`` then runs it to its first wait point.

        ``limits_memory``: bytes of all arenas together. Raises ``HostError``.
        """
        machine = cls(kvm_fd, limits_memory)
        try:
            image.write_to(machine._memory)
            machine._vm.reset_cpu()
            machine._vm.set_registers(image.registers())
        except BaseException:
            machine.close()
            raise
        return machine

    def close(self) -> None:
        """Destroy the VM and free its memory. Calling it again does nothing."""
        if self._state is not State.CLOSED:
            self._state = State.CLOSED
            self._vm.close()
            self._memory.close()

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
