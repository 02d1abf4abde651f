"""asyncio without sockets: an event loop that only has time to wait for."""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Any

_events: Any = asyncio.events
_Base: Any = asyncio.SelectorEventLoop


class _Sleeper(selectors.SelectSelector):
    """Waits for nothing but time: a cell has no sockets."""

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("this would wait for ever: nothing is scheduled in the event loop")
        if timeout > 0:
            time.sleep(timeout)
        return []


class CellEventLoop(_Base):  # type: ignore[misc]
    """The loop that ``asyncio.run`` and ``await`` in a cell use."""

    def __init__(self) -> None:
        super().__init__(_Sleeper())

    def _make_self_pipe(self) -> None:
        # It would wake the loop from another thread: there is none.
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        """Call it in place, as ``asyncio.to_thread`` does then: there are no threads."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


_session: Any = None


def of_session() -> Any:
    """One loop for all cells, so that tasks go on in later ones."""
    global _session
    if _session is None or _session.is_closed():
        _session = CellEventLoop()
    return _session


def wait(awaitable: Any) -> Any:
    """Top-level ``await``."""
    asyncio.set_event_loop(of_session())
    return of_session().run_until_complete(awaitable)


def step() -> None:
    """At the end of a cell: tasks that wait for nothing go on to where they do."""
    if _session is not None and _session._ready and not _session.is_closed():
        wait(asyncio.sleep(0))


def create_task(coro: Any, **named: Any) -> Any:
    """``asyncio.create_task``, also in a cell without an ``await``, as in IPython."""
    running = _events._get_running_loop()
    return (of_session() if running is None else running).create_task(coro, **named)


def install() -> None:
    """Make it the loop of ``asyncio.run``."""

    class Policy(_events._BaseDefaultEventLoopPolicy):  # type: ignore[misc]
        _loop_factory = CellEventLoop

        def get_event_loop(self) -> Any:
            return self._local._loop or of_session()

    _events._set_event_loop_policy(Policy())
    create_task.__module__ = "asyncio.tasks"
    asyncio.create_task = asyncio.tasks.create_task = create_task
