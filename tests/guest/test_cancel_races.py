"""200 VMs are cancelled, closed, or left by their task at any moment, several at once: each ends at
once in one of the ways that it may, and nothing of it is left.

HYPERCELL_CANCELS=5000 makes a long run; the seed is printed, HYPERCELL_SEED repeats it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest
import wasm_programs as p
from counting_session import CountingSession
from nth_call import SECONDS, back_to, settled

from hypercell.vmm import Cache, Code, Hypervisor, Limits, Vm
from hypercell.vmm.errors import Closed, Interrupted, OutputLimitExceeded

SEED = int(os.environ.get("HYPERCELL_SEED") or random.randrange(1 << 30))  # noqa: S311
CANCELS = int(os.environ.get("HYPERCELL_CANCELS", "200"))
LANES = 4
_LONGEST = 0.03  # seconds from the start of a run to its cancel

# What runs, and how it may end where nobody cancels it in time.
PROGRAMS: dict[str, tuple[str, type[Exception] | None]] = {
    "hello": (p.hello(), None),
    "spin": (p.SPIN, Interrupted),
    "tell and spin": (p.TELL_AND_SPIN, Interrupted),
    "sleep": (p.SLEEP, Interrupted),
    "flood": (p.FLOOD, OutputLimitExceeded),
    "wait for input": (p.ECHO, Interrupted),
    "home": (p.WRITE_HOME, None),
}


async def never(_: int) -> bytes:
    await asyncio.Event().wait()
    return b""


async def run(vm: Vm, name: str, code: Code) -> None:
    await vm.run(
        p.program(stdin=name == "wait for input", export=name == "home"),
        code=[code],
        limits=Limits(output=10_000_000),
        on_stdin=never,
    )
    await vm.export_home()


async def one(hypervisor: Hypervisor, chance: random.Random, codes: dict[str, Code]) -> str:
    """Run a program and end it; how it ended."""
    name = chance.choice(list(codes))
    way = chance.choice(("cancel", "cancel often", "close", "leave"))
    vm = await hypervisor.acquire()
    running = asyncio.create_task(run(vm, name, codes[name]))
    await asyncio.sleep(_LONGEST * chance.random() ** 3)
    while not running.done():
        if way.startswith("cancel"):
            await vm.cancel()
        elif way == "close":
            vm.close()
        else:
            running.cancel()
        await asyncio.wait([running], timeout=0.002 if way == "cancel often" else 0.1)
    vm.close()
    may = {PROGRAMS[name][1], {"close": Closed, "leave": asyncio.CancelledError}.get(way)}
    if way.startswith("cancel"):
        may |= {Interrupted, Closed}  # Closed: between the run and the export
    ended = type(running.exception()) if not running.cancelled() else asyncio.CancelledError
    ended = None if ended is type(None) else ended
    assert ended in may, (name, way, running)
    return f"{way}: {ended.__name__ if ended else 'done'}"


@pytest.mark.timeout(600 + CANCELS)
async def test_cancels_at_any_moment(tmp_path: Path) -> None:
    print(f"HYPERCELL_SEED={SEED}")
    ends: Counter[str] = Counter()
    async with Hypervisor(cache=Cache(tmp_path)) as hypervisor:
        session = await CountingSession.start(hypervisor)
        codes = {name: await hypervisor.compile(wat) for name, (wat, _) in PROGRAMS.items()}
        before = await settled(hypervisor, session.pieces)

        async def lane(number: int) -> None:
            chance = random.Random(SEED + number)  # noqa: S311
            for _ in range(CANCELS // LANES):
                async with asyncio.timeout(SECONDS):
                    ends[await one(hypervisor, chance, codes)] += 1

        await asyncio.gather(*map(lane, range(LANES)))
        await session.cell()
        await back_to(before, hypervisor, session.pieces)
    print(ends)
    assert ends.total() == CANCELS // LANES * LANES
