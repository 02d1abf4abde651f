"""Line magics run in the kernel process: a hostile notebook can ask for no more than a little."""

from __future__ import annotations

import asyncio

from hypercell.kernel import Session, magics
from hypercell.kernel.cell import MAX_MAGICS
from hypercell.vmm.program import Limits


async def test_a_file_that_is_named_often_is_shown_up_to_a_limit() -> None:
    async with Session() as session:
        size = 20 << 20
        session.home.write("big", b"x" * size, Limits())
        result = await session.execute("%cat" + " big" * 1000)
        assert len(result.text) < magics._MOST_SHOWN + 100
        assert result.text.endswith("19.5 GiB more")


async def test_a_cell_has_so_many_line_magics() -> None:
    async with Session() as session:
        assert (await session.execute("%files\n" * MAX_MAGICS)).ok
        result = await session.execute("%files\n" * (MAX_MAGICS + 1))
        assert type(result.error).__name__ == "UsageError"
        assert "line magics" in str(result.error)


async def test_an_interrupt_comes_through_between_magics() -> None:
    async with Session() as session:
        running = asyncio.create_task(session.execute("%files\n" * MAX_MAGICS))
        for _ in range(5):
            await asyncio.sleep(0)
        session.interrupt()
        assert type((await running).error).__name__ == "Interrupted"


async def test_removing_a_directory_and_what_is_in_it() -> None:
    async with Session() as session:
        for name in ("d/a", "d/e/b", "dd", "keep"):
            session.home.write(name, b"1", Limits())
        assert (await session.execute("%rm d d/a dd")).ok
        assert set(session.home.files()) == {"keep"}
