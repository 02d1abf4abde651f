"""The nth system call of the kernel process fails, for every n: a typed error that says what to do,
nothing stays, the state is kept, and the next cell is right.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import selectors
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from counting_session import CountingSession
from descriptors import no_descriptors
from hypervisor_fixtures import cache_fixture  # noqa: F401 (a fixture)
from nth_call import (
    MINUTES,
    SECONDS,
    THOROUGH,
    FailAt,
    Trials,
    back_to,
    failures,
    held,
    only_told,
    settled,
)

from hypercell.vmm import Cache, Hypervisor, linux, memfd, stored_snapshots

_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_PLACES = {
    "memfd_create": (linux, _FILES),
    "pwrite": (os, (errno.ENOSPC, errno.EIO)),
    "pread": (os, (errno.EIO,)),
    "ftruncate": (os, (errno.ENOSPC,)),
    "open": (os, (errno.EMFILE, errno.ENFILE)),
    "dup": (os, (errno.EMFILE,)),
    "seal": (memfd, (errno.EBUSY,)),
    "socketpair": (socket, _FILES),
    "sendmsg": (
        socket.socket,
        (
            *(errno.EPIPE, errno.ECONNRESET, errno.EMSGSIZE, errno.EAGAIN),
            *(errno.ENOBUFS, errno.ETOOMANYREFS),
        ),
    ),
    "recvmsg": (socket.socket, (errno.ECONNRESET, errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM)),
    "register": (selectors._PollLikeSelector, (errno.ENOSPC, errno.ENOMEM)),
}
Errors = list[Callable[[], BaseException]]
PLACES: list[tuple[Any, str, Errors]] = [
    *((where, name, failures(*codes)) for name, (where, codes) in _PLACES.items()),
    (ThreadPoolExecutor, "submit", [functools.partial(RuntimeError, "can't start new thread")]),
    (linux, "memfd_create", [MemoryError]),
    (socket.socket, "recvmsg", [no_descriptors]),
]
STARTING: list[tuple[Any, str, Errors]] = [
    *(place for place in PLACES if place[1] in ("memfd_create", "socketpair")),
    *(place for place in PLACES if place[1] in ("sendmsg", "recvmsg") and THOROUGH),
    (os, "pipe", failures(errno.EMFILE)),
    (subprocess.Popen, "_execute_child", failures(errno.EAGAIN)),
]


@pytest.fixture(name="session")
async def session_fixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CountingSession]:
    monkeypatch.setattr(stored_snapshots, "_STORE_AFTER", 0.0)
    async with Hypervisor(parked=2, cache=Cache(tmp_path)) as hypervisor:
        yield await CountingSession.start(hypervisor)


@pytest.mark.timeout(MINUTES * 60)
@pytest.mark.parametrize(("where", "name", "errors"), PLACES)
async def test_any_call_may_fail(
    session: CountingSession,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    errors: Errors,
) -> None:
    real = getattr(where, name)
    each = 6 if name in ("sendmsg", "recvmsg") else 40  # most of these cost a server
    before = await settled(session.hypervisor, session.pieces)
    for nth, error in (trials := Trials(errors, each=each)):
        fault = FailAt(real, nth, error)
        async with asyncio.timeout(SECONDS):
            with monkeypatch.context() as patch, only_told():
                patch.setattr(where, name, fault.call)
                await session.cell()
            trials.made(fault.calls)
            await session.count()
    await back_to(before, session.hypervisor, session.pieces)


@pytest.mark.timeout(MINUTES * 60)
@pytest.mark.parametrize(("where", "name", "errors"), STARTING)
async def test_a_start_may_fail(
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    errors: Errors,
) -> None:
    async with Hypervisor(cache=cache):
        pass
    real = getattr(where, name)
    before = held()
    for nth, error in (trials := Trials(errors)):
        fault = FailAt(real, nth, error)
        async with asyncio.timeout(SECONDS):
            with monkeypatch.context() as patch, only_told():
                patch.setattr(where, name, fault.call)
                async with Hypervisor(cache=cache):
                    pass
            trials.made(fault.calls)
        assert held() == before, (nth, error)
