"""A session for tests of C cells: one for each module, its /home empty for each test."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator

import pytest_asyncio

from hypercell.kernel.config import Config
from hypercell.kernel.errors import BuildError
from hypercell.kernel.home import Home
from hypercell.kernel.languages.base import BuildContext
from hypercell.kernel.result import CellResult
from hypercell.kernel.session import Session
from hypercell.kernel.toolchains.store import ToolchainStore
from hypercell.vmm.cache import Cache
from hypercell.vmm.program import Limits


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="c_session")
async def start_session() -> AsyncIterator[Session]:
    async with Session(Config()) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", name="session")
async def empty_session(c_session: Session) -> Session:
    c_session.home.clear()
    return c_session


# What earlier runs of the tests left in the user's cache is not what is tested.
ANEW = f"-DTEST_{os.urandom(8).hex()}"


async def run(session: Session, source: str, options: str = "") -> CellResult:
    return await session.execute(f"%%c {ANEW} {options}\n{source}")


async def printed(session: Session, source: str, options: str = "") -> str:
    result = await run(session, source, options)
    assert result.ok, plain(result.traceback)
    return result.stdout.decode()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


async def write(session: Session, **files: str) -> None:
    for name, text in files.items():
        suffixed = re.sub(r"_(\w)$", r".\1", name).replace("__", "/")
        session.home.write(suffixed, text.encode(), Limits())


def includes(*names: str) -> str:
    return "".join(f"#include <{name}.h>\n" for name in names)


async def failed(session: Session, source: str, options: str = "") -> tuple[BuildError, str]:
    result = await run(session, source, options)
    assert isinstance(result.error, BuildError), (result.error, result.stdout)
    assert not result.stdout
    return result.error, plain(result.error.diagnostics)


async def context(
    session: Session, cache: Cache | None = None, home: Home | None = None
) -> BuildContext:
    return BuildContext(
        hypervisor=await session.hypervisor(),
        home=session.home if home is None else home,
        toolchains=ToolchainStore(),
        limits=Limits(),
        cache=cache,
    )
