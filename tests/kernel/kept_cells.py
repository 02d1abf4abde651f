"""Cells that append to a list and write a file of /home, and what must be there of them.

A cell that failed is in no state. A cell that ended well, whose state could not be kept, is not
either, and the next Python cell says so.
"""

from __future__ import annotations

import ast

from hypercell.kernel.errors import CellException
from hypercell.kernel.result import CellResult
from hypercell.kernel.session import Session

_NOT_KEPT = b"could not be kept"
_SHOW = "import os; (seen, sorted(map(int, os.listdir('/home'))))"


class Cells:
    """``kept``: what the list must be; None: there is none yet. ``ends``: how the cells ended."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.kept: list[int] | None = None
        self.ends: list[str] = []
        self._before: list[int] | None = None  # what was kept before the last Python cell

    async def run(self, text: str, result: str) -> bool:
        """Run a cell of another language: right (AssertionError if not), or an error of the tree
        that says what to do; whether it was right.
        """
        got = await self.session.execute(text)
        self._ended(got)
        assert got.error or result in got.text + got.stdout.decode(), (text, got.text)
        return got.error is None

    async def append(self, number: int) -> None:
        """Append to the list, and write a file of that name."""
        begin = self.kept is None
        append = f"seen.append({number})\nopen('/home/{number}', 'w').close()"
        got = await self._python("seen = []" if begin else append)
        if got.error is None:
            self.kept = [] if begin else [*(self.kept or ()), number]

    async def look(self) -> bool:
        """Show the list; whether it is what it must be, and /home with it."""
        got = await self._python(_SHOW)
        kept = self.kept
        if got.error is None:
            assert ast.literal_eval(got.text) == (kept, kept), (got.text, kept, self.ends)
            assert sorted(map(int, self.session.home.files())) == kept
        return got.error is None or isinstance(got.error, CellException)

    async def _python(self, text: str) -> CellResult:
        got = await self.session.execute(text)
        self._ended(got)
        if _NOT_KEPT in got.stderr:
            self.kept = self._before
            self.ends[-1] += ", the one before was not kept"
        if isinstance(got.error, CellException):  # its state is kept as well
            assert self.kept is None, (got.traceback, self.ends)  # there is no list
        if got.error is None or isinstance(got.error, CellException):
            self._before = self.kept
        return got

    def _ended(self, got: CellResult) -> None:
        self.ends.append(type(got.error).__name__ if got.error else "ok")
        if got.error is not None and not isinstance(got.error, CellException):
            assert got.error.hint, got.error
