"""Cells under a low limit on descriptors or memory; a script of ``test_low_limits.py``.

``low_limits_cells.py nofile 24`` has 24 descriptors from the start; ``memory 20`` may map 20 MiB
more than what it maps when its processes run; ``start 200`` the same from before they do.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from hypercell.kernel.config import Config
from hypercell.kernel.errors import CellException
from hypercell.kernel.session import Session

NOT_KEPT = b"could not be kept"
WAT = '%%wat --invoke f{0}\n(module (func (export "f{0}") (result i32) i32.const {0}))'


def limit(what: int, value: int) -> None:
    """The hard limit stays, so that the script can end the shortage."""
    resource.setrlimit(what, (value, resource.getrlimit(what)[1]))


def mapped() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


class Cells:
    """``expected``: what the cells whose state was kept have appended; None: no state at all."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.expected: list[int] | None = None
        self.states: list[list[int] | None] = []
        self.ends: list[str] = []

    async def run(self, text: str, result: str) -> bool:
        """Run a cell: right, or an error of the tree that says what to do."""
        got = await self.session.execute(text)
        if NOT_KEPT in got.stderr:  # said by the first cell after the one it is about
            self.expected = self.states.pop()
        self.ends.append(type(got.error).__name__ if got.error else "ok")
        if self.expected is None and isinstance(got.error, CellException):
            return False  # there is no `seen`: nothing was kept so far
        if got.error is not None:
            assert got.error.hint, got.error
            return False
        assert result in got.text, (text, got.text)
        return True

    async def append(self, number: int) -> None:
        """A cell that changes the state."""
        before = self.expected
        text = "seen = []" if before is None else f"seen.append({number})"
        if await self.run(text, ""):
            self.states.append(before)
            self.expected = [] if before is None else [*before, number]

    async def look(self) -> bool:
        """A cell that shows it."""
        got = await self.session.execute("seen")
        if NOT_KEPT in got.stderr:
            self.expected = self.states.pop()
        if got.error is None:
            assert got.text == str(self.expected), (got.text, self.expected)
            return True
        missing = isinstance(got.error, CellException) and self.expected is None
        assert missing or got.error.hint, got.error
        return missing


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
