"""Cells under a low limit on descriptors or memory; a script of ``test_low_limits.py``.

``low_limits_cells.py nofile 24`` has 24 descriptors from the start; ``memory 20`` may map 20 MiB
more than what it maps when its processes run; ``start 200`` the same from before they do.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from kept_cells import Cells

from hypercell.kernel.config import Config
from hypercell.kernel.session import Session

WAT = '%%wat --invoke f{0}\n(module (func (export "f{0}") (result i32) i32.const {0}))'


def limit(what: int, value: int) -> None:
    """The hard limit stays, so that the script can end the shortage."""
    resource.setrlimit(what, (value, resource.getrlimit(what)[1]))


def mapped() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


async def main(kind: str, value: int) -> None:
    what = resource.RLIMIT_NOFILE if kind == "nofile" else resource.RLIMIT_AS
    async with Session(Config()) as session:
        cells = Cells(session)
        if kind == "memory":
            await cells.run(WAT.format(0), "= 0")
            await cells.append(0)
            assert await cells.look()
        limit(what, value if kind == "nofile" else mapped() + (value << 20))
        for number in range(1, 4):
            await cells.run(WAT.format(number), f"= {number}")
            await cells.append(number)
            await cells.look()
        limit(what, resource.getrlimit(what)[1])
        print(kind, value, *cells.ends)
        await session.settled()
        if kind == "memory":  # else the servers have the limit as well
            assert await cells.look()
    print("ended")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
