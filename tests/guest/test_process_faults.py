"""The nth call of the zygote, of the compiler server and of their children fails: a typed error
that says what to do, nothing stays, the state is kept, the next cell is right, and no process
without its jail serves a cell.

With HYPERCELL_THOROUGH in the environment every n with every errno, for minutes; else the first
few n, then three times as many each time, the errnos taking turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from counting_session import CountingSession
from faulty_server import CALLS, Faults
from nth_call import MINUTES, SECONDS, Trials, back_to, only_told, settled

from hypercell.vmm import Cache, Hypervisor, stored_snapshots

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(name="faults", scope="module")
def faults_fixture() -> Iterator[Faults]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_snapshots, "_STORE_AFTER", 0.0)
        made = Faults()
        made.patch(patch)
        yield made


@pytest_asyncio.fixture(name="session", scope="module", loop_scope="module")
async def session_fixture(
    faults: Faults, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CountingSession]:
    cache = Cache(tmp_path_factory.mktemp("cache"))
    async with Hypervisor(parked=2, cache=cache) as hypervisor:
        yield await CountingSession.start(hypervisor)


@pytest.mark.timeout(MINUTES * 60)
@pytest.mark.parametrize("name", CALLS)
async def test_any_call_may_fail(faults: Faults, session: CountingSession, name: str) -> None:
    hypervisor = session.hypervisor
    before = await settled(hypervisor, session.pieces)
    for nth, code in (trials := Trials(CALLS[name][3], each=3)):
        async with asyncio.timeout(SECONDS):
            faults.arm(name, nth, code)
            with only_told():
                await session.cell()
            await hypervisor.filled()
            trials.made(faults.disarm())
            await session.count()
            await hypervisor.filled()
    await back_to(before, hypervisor, session.pieces)
