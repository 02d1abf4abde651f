"""A session's memory file between its VMs: who may have it, and when."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from python_session import fails, hypervisor_fixture, session_fixture, value  # noqa: F401 (fixtures)

from hypercell.kernel import Session
from hypercell.kernel.questions import Questions
from hypercell.vmm.fork_client import Child
from hypercell.vmm.pool import Pool, Waiting
from hypercell.vmm.session_memory import SessionMemory
from hypercell.vmm.session_state import SessionState

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def prepared(session: Session) -> SessionState:
    """The session's state, once a VM of it waits."""
    await session.settled()
    place = session.states["python"].current.place
    assert isinstance(place, SessionState)
    hypervisor = await session.hypervisor()
    await hypervisor._pool._sessions[place]
    return place


async def memory_of(session: Session) -> SessionMemory:
    """What the VM that waits has."""
    place = await prepared(session)
    waiting = await (await session.hypervisor())._pool._sessions[place]
    assert waiting.memory is not None
    return waiting.memory


async def test_one_file_serves_cell_after_cell(session: Session) -> None:
    await value(session, "x = 1")
    first = await memory_of(session)
    for number in range(3):
        assert await value(session, "x += 1; x") == str(number + 2)
        assert await memory_of(session) is first


async def test_what_was_not_committed_is_dropped_with_its_file(session: Session) -> None:
    await value(session, "x = [1]")
    first = await memory_of(session)
    await fails(session, "x.append(2)\nimport os\nos.abort()")
    assert await memory_of(session) is not first
    assert await value(session, "x") == "[1]"
    second = await memory_of(session)
    await fails(session, "%%python --timeout 300ms\nx.append(3)\nwhile True: pass")
    assert await memory_of(session) is not second
    assert await value(session, "x") == "[1]"


async def test_undo_begins_with_a_file_of_its_own(session: Session) -> None:
    await value(session, "x = 1")
    await value(session, "x = 2")
    first = await memory_of(session)
    await session.execute("%undo")
    assert await memory_of(session) is not first
    assert await value(session, "x") == "1"


async def test_nobody_has_it_before_the_last_one_is_gone(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    await value(session, "x = 1")
    await prepared(session)
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    watch = Child.watch

    def watched(child: Child) -> asyncio.Future[None]:
        async def both() -> None:
            await seen
            await gone

        seen = watch(child)
        return asyncio.ensure_future(both())

    sent: list[str] = []
    park = Pool._parked

    async def parked(pool: Pool, waiting: Waiting, request: object, files: list[int]) -> object:
        sent.append(type(request).__name__)
        return await park(pool, waiting, request, files)  # type: ignore[arg-type]

    monkeypatch.setattr(Pool, "_parked", parked)
    with monkeypatch.context() as patch:
        patch.setattr(Child, "watch", watched)
        await value(session, "x = 2")
        await session.settled()
    later = asyncio.ensure_future(value(session, "x"))
    done, _ = await asyncio.wait([later], timeout=1.0)
    assert not done
    assert "Adopt" in sent
    assert "Touch" not in sent  # its guest would run
    gone.set_result(None)
    assert await later == "2"
    assert "Touch" not in sent  # who waits is not made to wait for that, too
    await prepared(session)
    assert "Touch" in sent


async def test_a_vm_that_died_waiting_takes_its_file_along(session: Session) -> None:
    await value(session, "x = [1]")
    place = await prepared(session)
    waiting = await (await session.hypervisor())._pool._sessions[place]
    os.kill(waiting.child.pid, signal.SIGKILL)
    await waiting.child.ended
    assert await value(session, "x.append(2); x") == "[1, 2]"
    assert await memory_of(session) is not waiting.memory


async def test_who_only_looks_has_no_part_in_it(session: Session) -> None:
    await value(
        session, "class Sly:\n    def __dir__(self):\n        x.append(2)\n        return ['seen']"
    )
    await value(session, "x = [1]; sly = Sly()")
    first = await memory_of(session)
    assert "seen" in str(await Questions(session).complete("sly.", 4))
    assert await memory_of(session) is first
    assert await value(session, "x") == "[1]"
