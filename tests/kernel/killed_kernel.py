"""A kernel process that runs cells until it is killed; a script of ``test_random_kills.py``.

It says ``up`` when the first cell has run, and begins new programs all the time, so that its cache
is written whenever it is killed.
"""

from __future__ import annotations

import asyncio
import itertools

from kept_cells import Cells

from hypercell.kernel.config import Config
from hypercell.kernel.session import Session
from hypercell.vmm import stored_snapshots

WAT = '%%wat --invoke f\n(module (func (export "f") (result i32) i32.const {0}))'


async def main() -> None:
    stored_snapshots._STORE_AFTER = 0.0
    async with Session(Config()) as session:
        cells = Cells(session)
        for number in itertools.count():
            assert await cells.run(WAT.format(number), f"= {number}")
            if not number:
                print("up", flush=True)
            await cells.append(number)


if __name__ == "__main__":
    asyncio.run(main())
