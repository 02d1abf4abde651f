"""Workers and the zygote are killed at every step of a session: nothing is lost, nothing mixed.

The kernel process holds a state in sealed files that nobody can change. So the steps are what it
says and hears: each message to or from one of its processes. Before the n-th one everything that
runs is killed, for every n until a session ends before its n-th message.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from python_session import hypervisor_fixture  # noqa: F401 (a fixture)

from hypercell.kernel.config import Config
from hypercell.kernel.session import Session
from hypercell.vmm import Hypervisor
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.errors import HypercellError

pytestmark = pytest.mark.asyncio(loop_scope="module")
_NOT_KEPT = b"could not be kept"
_CELLS = (1, 2)
_MOST_STEPS = 200


class Killer:
    """Kills before the ``step``-th message. ``steps``: how many there were."""

    def __init__(self, hypervisor: Hypervisor, victims: str, step: int) -> None:
        self.steps = 0
        self._hypervisor = hypervisor
        self._victims = victims
        self._step = step

    def message(self) -> None:
        self.steps += 1
        if self.steps == self._step:
            for pid in self._hypervisor.processes().get(self._victims, []):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def killing(killer: Killer) -> Iterator[None]:
    send, receive = AsyncChannel.send, AsyncChannel.receive

    async def sends(self: Any, message: object, descriptors: Sequence[int] = ()) -> None:
        killer.message()
        await send(self, message, descriptors)

    async def receives(self: Any) -> Any:
        received = await receive(self)
        killer.message()
        return received

    AsyncChannel.send, AsyncChannel.receive = sends, receives  # type: ignore[method-assign]
    try:
        yield
    finally:
        AsyncChannel.send, AsyncChannel.receive = send, receive  # type: ignore[method-assign]


async def _session(hypervisor: Hypervisor, killer: Killer) -> None:
    """Cells that each double a bit; what is there at the end is what the good ones made."""
    async with Session(Config(language="python"), hypervisor=hypervisor) as session:
        start = await session.execute("seen = []")
        assert start.error is None, start.traceback
        await session.settled()
        expected: list[int] = []
        last: int | None = None  # the cell whose state may yet turn out not to be kept
        with killing(killer):
            for number in _CELLS:
                text = f"seen.append({number})\nopen('/home/{number}', 'w').write('x')"
                result = await session.execute(text)
                if _NOT_KEPT in result.stderr:
                    assert last is not None
                    expected.remove(last)
                last = None
                if result.error is None:
                    expected.append(number)
                    last = number
                else:
                    assert isinstance(result.error, HypercellError)
            await session.settled()
        for _ in range(3):  # a worker's death may not be known yet
            result = await session.execute("import os\nseen, sorted(map(int, os.listdir('/home')))")
            if _NOT_KEPT in result.stderr and last is not None:
                expected.remove(last)
                last = None
            if result.error is None:
                break
        assert result.text == repr((expected, expected)), (killer.steps, result.traceback)
        assert sorted(map(int, session.home.files())) == expected
        undone = await session.execute(f"%undo {len(expected)}\nseen") if expected else result
        assert undone.error is None


async def test_killed_at_every_step(hypervisor: Hypervisor) -> None:
    """By turns workers or the zygote; each with HYPERCELL_THOROUGH in the environment."""
    for step in range(1, _MOST_STEPS):
        both = ("workers", "zygote")
        for victims in both if os.environ.get("HYPERCELL_THOROUGH") else both[step % 2 :][:1]:
            killer = Killer(hypervisor, victims, step)
            async with asyncio.timeout(240):
                await _session(hypervisor, killer)
        if killer.steps < step:
            assert step > 4 * len(_CELLS)  # at least a job, done, keep, kept
            return
    pytest.fail(f"a session of {len(_CELLS)} cells has more than {_MOST_STEPS} messages")
