"""Cells of every kind on a hypervisor, one of which counts in a state that is kept."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import wasm_programs as p

from hypercell.vmm import Hypervisor, Layer
from hypercell.vmm.commands import Instantiate, Invoke, Load
from hypercell.vmm.session_state import SessionState
from hypercell.vmm.vm_snapshot import Snapshot

_numbers = itertools.count(1)  # each program is a new one


class CountingSession:
    """``start`` makes it. AssertionError where a cell's result is not right."""

    def __init__(self, hypervisor: Hypervisor, base: Snapshot) -> None:
        self.hypervisor = hypervisor
        self._place: Snapshot | SessionState = base
        self._count = 0

    @classmethod
    async def start(cls, hypervisor: Hypervisor) -> CountingSession:
        session = cls(hypervisor, await _snapshot(hypervisor, p.COUNTER, sessions=True))
        for _ in range(3):
            await session.cell()
        return session

    @property
    def pieces(self) -> int:
        """Descriptors that its state holds."""
        return len(self._place.pieces) if isinstance(self._place, SessionState) else 0

    async def cell(self) -> None:
        """A new program with a layer and its /home; a snapshot, then from the disk; ``count``."""
        hypervisor = self.hypervisor
        number = next(_numbers)
        wat = f'{p.hello().rstrip()[:-1]} (func (export "f{number}")))'
        code = await hypervisor.compile(wat)
        out = bytearray()
        async with await hypervisor.acquire() as vm:
            await vm.run(
                p.program(),
                code=[code],
                layers=[Layer.from_bytes(b"x" * number)],
                on_output=lambda _, data: out.extend(data),
            )
            await vm.export_home()
            assert jailed(vm.pid)
        assert bytes(out) == b"hello\n"
        for _ in range(2):
            snapshot = await _snapshot(hypervisor, wat, stored=True)
            hypervisor.discard(snapshot)
            await hypervisor._stored.kept()
        await self.count()

    async def count(self) -> None:
        """Add one to what the state holds."""
        async with await self.hypervisor.acquire(self._place) as vm:
            (reply,) = await vm.run([Invoke(0, "next")], keep=True)
            assert reply.values[0].bits == self._count + 1
            assert jailed(vm.pid)
            self._place = await self.hypervisor.commit(vm, self._place)
        self._count += 1


def jailed(pid: int) -> bool:
    """Whether a worker went through its jail."""
    status = Path(f"/proc/{pid}/status").read_text()
    return "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status and os.getsid(pid) == pid


async def _snapshot(
    hypervisor: Hypervisor, wat: str, *, sessions: bool = False, stored: bool = False
) -> Snapshot:
    return await hypervisor.make_snapshot(
        [Load(0), Instantiate(0)] if sessions else [Load(0)],
        code=[await hypervisor.compile(wat)],
        name="counter",
        parked=int(sessions),
        sessions=sessions,
        stored=stored,
    )
