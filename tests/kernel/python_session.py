"""A session whose cells are Python, on a hypervisor that a module's tests share."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio

from hypercell.kernel.config import Config
from hypercell.kernel.result import CellResult
from hypercell.kernel.session import Session
from hypercell.vmm import Hypervisor


@pytest_asyncio.fixture(name="hypervisor", scope="module", loop_scope="module")
async def hypervisor_fixture() -> AsyncIterator[Hypervisor]:
    async with Hypervisor() as started:
        yield started


@pytest_asyncio.fixture(name="session", loop_scope="module")
async def session_fixture(hypervisor: Hypervisor) -> AsyncIterator[Session]:
    async with Session(Config(language="python"), hypervisor=hypervisor) as made:
        yield made


async def fails(session: Session, text: str) -> CellResult:
    result = await session.execute(text)
    assert result.error is not None, text
    return result


async def value(session: Session, text: str) -> str:
    result = await session.execute(text)
    assert result.error is None, result.traceback
    return result.text


def plain(result: CellResult) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", result.traceback)
