"""Clocks and randomness are right after every fork of a state."""

from __future__ import annotations

import ast
import time

import pytest
from python_session import hypervisor_fixture, session_fixture, value  # noqa: F401 (fixtures)

from hypercell.kernel.questions import Questions
from hypercell.kernel.session import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRAWS = {
    "random": "[random.random(), random.getrandbits(64), random.choice(range(10**9))]",
    "Random": "[random.Random().random(), random.SystemRandom().random()]",
    "secrets": "[secrets.token_hex(16), secrets.randbits(64)]",
    "uuid": "[str(uuid.uuid4()), str(uuid.uuid1())]",
    "os.urandom": "[os.urandom(16)]",
    "tempfile": "[tempfile.mktemp()]",
}


async def test_no_two_forks_draw_the_same(session: Session) -> None:
    await value(session, "import os, random, secrets, tempfile, uuid")
    everything = "[" + ", ".join(f"*{draw}" for draw in DRAWS.values()) + "]"
    await value(session, everything)  # the streams have been used when the state is kept
    seen: list[object] = []
    for _ in range(4):  # four times from one state, and on from there
        seen += ast.literal_eval(await value(session, everything))
        await session.execute("%undo")
    seen += ast.literal_eval(await value(session, everything))
    seen += ast.literal_eval(await value(session, everything))
    assert len(seen) == len(set(seen))


async def test_a_question_draws_from_a_stream_of_its_own(session: Session) -> None:
    await value(session, "import random\nd = {}\nrandom.random()")
    await Questions(session).complete("random.random().", 16)
    first = await value(session, "random.random()")
    await session.execute("%undo")
    assert await value(session, "random.random()") != first


async def test_a_seed_of_the_cells_holds_over_forks(session: Session) -> None:
    await value(session, "import random\nrandom.seed(5)")
    first = await value(session, "random.random()")
    await session.execute("%undo")
    assert await value(session, "random.random()") == first
    await value(session, "random.seed()")
    other = await value(session, "random.random()")
    await session.execute("%undo")
    assert await value(session, "random.random()") != other


async def test_the_clocks_go_on(session: Session) -> None:
    await value(session, "import datetime, time")
    readings = []
    for _ in range(3):
        before = time.time()
        text = await value(
            session,
            "time.time(), datetime.datetime.now(datetime.UTC).timestamp(), time.monotonic(), "
            "time.perf_counter(), time.time_ns() / 1e9",
        )
        after = time.time()
        wall, date, steady, fine, whole = ast.literal_eval(text)
        for reading in (wall, date, whole):
            assert before - 0.1 <= reading <= after + 0.1
        readings.append((steady, fine))
    assert readings == sorted(readings)
    assert readings[0][0] < readings[1][0] < readings[2][0]
    first = await value(session, "time.time()")
    await session.execute("%undo")
    assert float(await value(session, "time.time()")) > float(first)
