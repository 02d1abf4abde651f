"""``Session`` without ``await``: for scripts, the command line and the Python prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from hypercell.kernel.config import Config
from hypercell.kernel.home import Home
from hypercell.kernel.result import CellResult, OnEvent
from hypercell.kernel.session import Session
from hypercell.vmm.errors import Closed
from hypercell.vmm.host_calls import told

if TYPE_CHECKING:
    from hypercell.vmm import Hypervisor

Result = TypeVar("Result")


class SyncSession:
    """Runs cells one after the other::

        with SyncSession() as session:
            print(session.execute("%%wat --invoke add 2 3\\n(module …)").text)

    Ctrl-C interrupts the cell, not the session. It cannot be used inside a running event loop.
    """

    def __init__(
        self, config: Config | None = None, *, hypervisor: Hypervisor | None = None
    ) -> None:
        self._runner: asyncio.Runner | None = asyncio.Runner()
        self._session = Session(config, hypervisor=hypervisor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def home(self) -> Home:
        """The files of ``/home``."""
        return self._session.home

    def execute(
        self,
        text: str,
        *,
        on_event: OnEvent | None = None,
        on_stdin: Callable[[int], bytes] | None = None,
        label: str = "",
    ) -> CellResult:
        """Run one cell; see ``Session.execute``. ``on_stdin`` is called in a thread."""

        async def read(limit: int) -> bytes:
            assert on_stdin is not None  # noqa: S101 (used only where it is there)
            return await asyncio.to_thread(on_stdin, limit)

        def work() -> Awaitable[CellResult]:
            return self._session.execute(
                text, on_event=on_event, on_stdin=read if on_stdin else None, label=label
            )

        return self._run(work)

    def close(self) -> None:
        """Stop all processes. Calling it again does nothing."""
        if self._runner is not None:
            try:
                self._run(self._session.close)
            finally:
                runner, self._runner = self._runner, None
                with told("closing the session"):
                    runner.close()

    def _run(self, work: Callable[[], Awaitable[Result]]) -> Result:
        if self._runner is None:
            raise Closed("the session is closed")

        async def awaited() -> Result:
            return await work()

        with told("running a cell"):
            return self._runner.run(awaited())
