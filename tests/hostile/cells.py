"""A session that attacks go through, as the cells of a notebook or as programs of its own."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import psutil
import pytest
from aftermath import Aftermath

from hypercell.kernel.result import CellResult
from hypercell.kernel.sync_session import SyncSession
from hypercell.vmm import Hypervisor, memfd
from hypercell.vmm import commands as c
from hypercell.vmm.code_cache import Code, Description
from hypercell.vmm.elf import find_text
from hypercell.vmm.errors import HypercellError, InvalidModule
from hypercell.vmm.program import Limits

ADD = """%%wat --invoke add 40 2
(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"""
_SETTLE = 240.0  # seconds, on a machine that is busy with other things
_SLIDE = '(module (func (export "_start") {body}))'


class Cells:
    """Runs attacks in one session and knows afterwards whether it is as it was."""

    def __init__(self, session: SyncSession) -> None:
        self.session = session
        self.aftermath: Aftermath
        self._servers: dict[str, list[int]] = {}

    def __call__(self, text: str) -> CellResult:
        """Run a cell; its error counts as what stopped it."""
        result = self.session.execute(text)
        self.aftermath.ended(result.error)
        self.aftermath.saw(result.stdout, result.stderr, result.text, result.traceback)
        return result

    def refused(self, text: str, error: type[HypercellError], match: str) -> None:
        """Run a cell that must end with exactly this error; ``match``: what its message has."""
        result = self(text)
        assert type(result.error) is error, (text[:200], result.error)
        assert re.search(match, str(result.error)), (text[:200], result.error)

    def begin(self) -> None:
        """Know what is there before the attack.

        What was seen twice: at a single moment a child may be there and its descriptor not yet.
        """
        self.aftermath.before = self._settle()
        self._servers = self._servers_now()

    def finish(self) -> None:
        """The same processes are there, and the next cell is right."""
        result = self.session.execute(ADD)
        assert result.text == "add(40, 2) = 42 : i32", result
        self.session.execute("%reset")
        self._settle()
        assert self._servers_now() == self._servers

    def forged(
        self,
        code: bytes,
        error: type[HypercellError],
        match: str,
        *,
        damage: tuple[int, bytes] | None = None,
    ) -> None:
        """Run a ``.cwasm`` whose whole code slides into ``code``: a compiler that was taken over.

        It must end with exactly this error. ``damage``: bytes to put at an offset of the file.
        """
        with pytest.raises(error, match=match) as caught:
            self._await(self._forged(code, damage))
        self.aftermath.ended(caught.value)
        assert type(caught.value) is error

    async def _forged(self, code: bytes, damage: tuple[int, bytes] | None) -> None:
        hypervisor = await self._hypervisor()
        real = await hypervisor.compile(_SLIDE.format(body="(drop (i32.const 1))" * 40))
        data = bytearray(memfd.read(real.fd, 1 << 24))
        start, size = find_text(real.fd, len(data))
        data[start : start + size] = b"\x90" * (size - len(code)) + code
        if damage is not None:
            at, piece = damage
            data[at : at + len(piece)] = piece
        fd = memfd.of_bytes(data, "code")
        made = Code("forged", fd, len(data), Description(real.exports, real.imports, 0))
        commands = [c.Load(0), c.Instantiate(0), c.Invoke(0, "_start")]
        async with await hypervisor.acquire() as vm:
            replies = await vm.run(
                commands,
                code=[made],
                limits=Limits(wall=1.0),
                on_output=lambda _, piece: self.aftermath.saw(piece),
            )
        if isinstance(replies[-1], c.Failed):  # as the kernel process tells it
            raise InvalidModule(replies[-1].message)

    async def _hypervisor(self) -> Hypervisor:
        return await self.session._session.hypervisor()

    def _await(self, work: Awaitable[Any]) -> Any:
        return self.session._run(lambda: work)

    def _settle(self) -> dict[str, Counter[object]]:
        async def filled() -> None:
            await (await self._hypervisor()).filled()

        end = time.monotonic() + _SETTLE
        before = self.aftermath.held()
        while time.monotonic() < end:
            self._await(filled())
            self._servers_now()  # a VM that is still to be closed has descriptors here
            now = self.aftermath.held()
            if now == before:
                break
            before = now
        return before

    def _servers_now(self) -> dict[str, list[int]]:
        """The servers; each of their children must be one that the hypervisor keeps ready."""

        async def processes() -> tuple[dict[str, list[int]], int]:
            hypervisor = await self._hypervisor()
            pool = hypervisor._pool
            ready = [*pool._ready.values(), [held for held in pool._sessions.values() if held]]
            return hypervisor.processes(), sum(map(len, ready))

        end = time.monotonic() + _SETTLE
        while True:  # one that was killed may not have been reaped yet, a worker or a compile
            found, ready = self._await(processes())
            known = {"zygote": found.pop("workers"), "compiler": found.pop("compiles")}
            there = {
                name: sorted(child.pid for child in psutil.Process(found[name][0]).children())
                for name in known
            }
            problems = [
                f"{name}: {children} are known, {there[name]} are there"
                for name, children in known.items()
                if sorted(children) != there[name]
            ]
            if len(known["zygote"]) != ready:
                problems.append(f"{len(known['zygote'])} workers, but {ready} wait ready-made")
            if len(known["compiler"]) > 1:
                problems.append("at most one compile waits ready-made")
            if not problems:
                return found
            assert time.monotonic() < end, problems
