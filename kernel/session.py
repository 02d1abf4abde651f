"""A session: the cells of one notebook, one after the other or side by side, and their state.

Usable without Jupyter::

    async with Session() as session:
        result = await session.execute('%%c\\nprintf("%d\\\\n", 6 * 7);')
        result.check()

``SyncSession`` is the same without ``await``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Self

from hypercell.kernel.config import Config, load_config
from hypercell.kernel.execution import Execution
from hypercell.kernel.home import Home, HomeEntry, read_delta
from hypercell.kernel.installed import InstalledToolchains
from hypercell.kernel.languages.base import BuildContext
from hypercell.kernel.languages.registry import languages
from hypercell.kernel.packages.installed import Packages
from hypercell.kernel.result import CellResult, Collector, OnEvent, OnStdin
from hypercell.kernel.traceback_text import Symbols, render
from hypercell.vmm.errors import Closed, HypercellError, Trap
from hypercell.vmm.program import Limits

if TYPE_CHECKING:
    from hypercell.kernel.states import States
    from hypercell.vmm import Hypervisor, Layer

_BIG_TAR = 1 << 20  # bytes; a larger one is read in a thread


class Session:
    """Runs cells. Everything but ``execute``'s arguments is fixed from its start."""

    def __init__(
        self, config: Config | None = None, *, hypervisor: Hypervisor | None = None
    ) -> None:
        """``config`` None: the owner's file. ``hypervisor``: a started one, shared, not closed."""
        self.config = load_config() if config is None else config
        self.home = Home()
        self.languages = languages()
        self.packages = Packages(self.config.packages)
        self.states: dict[str, States] = {}  # of the interpreters that cells used
        self._hypervisor = hypervisor
        self._owned = hypervisor is None
        self._starting: asyncio.Task[Hypervisor] | None = None
        self._grants: list[Layer] | None = None
        self._applying = asyncio.Lock()
        self._running: set[Execution] = set()
        self._background: set[asyncio.Task[Any]] = set()
        self._commits: set[asyncio.Task[Any]] = set()
        self._cells = 0
        self._closed = False
        self._ending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def prepare(self) -> None:
        """Start the processes and load the default language's tools while nobody waits.

        Never raises: what is wrong is said by the first cell.
        """
        if not self._closed:
            self.later(self._warm_up())

    async def close(self) -> None:
        """Stop all cells and processes. Calling it again waits for the same end.

        Cancelled, it ends the processes at once, and what is left in the background.
        """
        if self._ending is None:
            self._closed = True
            self._ending = asyncio.create_task(self._end())
        try:
            await asyncio.shield(self._ending)
        except asyncio.CancelledError:
            if self._hypervisor is not None and self._owned:
                self._hypervisor.kill()
            raise

    async def _end(self) -> None:
        await asyncio.sleep(0)  # a task that never began would not let go of its VM
        for running in tuple(self._running):
            running.task.cancel()
        tasks = [running.task for running in self._running]
        for task in self._background:
            task.cancel()
        await asyncio.gather(*tasks, *self._background, return_exceptions=True)
        if self._starting is not None and self._hypervisor is None:
            with contextlib.suppress(Exception, asyncio.CancelledError):
                self._hypervisor = await self._starting
        for states in self.states.values():
            states.clear()
        if self._hypervisor is not None and self._owned:
            await self._hypervisor.close()

    def interrupt(self) -> None:
        """End all running cells with ``Interrupted``. Call it in the session's event loop."""
        for running in tuple(self._running):
            running.interrupt()

    @property
    def busy(self) -> bool:
        """Whether a cell is running."""
        return bool(self._running)

    async def execute(
        self,
        text: str,
        *,
        on_event: OnEvent | None = None,
        on_stdin: OnStdin | None = None,
        label: str = "",
        quiet: str = "",
    ) -> CellResult:
        """Run one cell. Errors of the cell and of the machine are in the result, not raised.

        ``on_event`` gets output as it comes; without it the result holds it. ``on_stdin(max)``
        gives input, b"" at its end; without it, and without ``--stdin``, there is none. ``quiet``:
        of ``Cell``.
        """
        if self._closed:
            raise Closed("the session is closed")
        self._cells += 1
        collector = Collector()
        sink = on_event or collector
        cell = Execution(self, text, label or f"cell {self._cells}", sink, on_stdin, quiet)
        self._running.add(cell)
        try:
            error = await cell.ended()
        finally:
            self._running.discard(cell)
        streams = collector.streams
        return CellResult(
            error=error,
            traceback=await self._traceback(error, cell) if error is not None else "",
            stdout=bytes(streams["stdout"]),
            stderr=bytes(streams["stderr"]),
            text="\n".join(collector.shown),
            usage=cell.usage,
        )

    @property
    def started(self) -> Hypervisor | None:
        """The hypervisor, if a cell or ``prepare`` has started it."""
        return self._hypervisor

    async def hypervisor(self) -> Hypervisor:
        """The started hypervisor. HostError if this machine cannot run VMs; tried again then."""
        while self._hypervisor is None:
            if self._closed:
                raise Closed("the session is closed")
            starting = self._starting
            if starting is None:
                starting = self._starting = asyncio.create_task(
                    _start_hypervisor(self.config.allow_missing)
                )
            try:
                self._hypervisor = await asyncio.shield(starting)
            except Exception:
                if self._starting is starting:
                    self._starting = None
                raise
        return self._hypervisor

    def grants(self) -> list[Layer]:
        """The granted directories, packed once: what a session sees does not change."""
        if self._grants is None:
            from hypercell.kernel.grants import pack_directory
            from hypercell.vmm import Layer

            self._grants = [
                Layer.from_bytes(pack_directory(grant)) for grant in self.config.directories
            ]
        return self._grants

    async def keep(self, delta: bytes, base: Mapping[str, HomeEntry] | None = None) -> None:
        """Take over what a cell changed under /home; one cell after the other.

        ``base``: what the change is to, if it is not to what is there now.
        """
        limits = self.config.limits
        async with self._applying:
            if len(delta) > _BIG_TAR:
                entries = await asyncio.to_thread(read_delta, delta, limits)
            else:
                entries = read_delta(delta, limits) if delta else []
            self.home.take(entries, limits, base)

    def commit(self, work: Coroutine[Any, Any, None]) -> None:
        """Keep what a cell left, after its reply; ``settled`` waits for it."""
        task = asyncio.create_task(work)
        for tasks in (self._commits, self._background):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def settled(self) -> None:
        """Wait until all cells that have replied are kept, or are known not to be."""
        while self._commits:
            await asyncio.wait(self._commits)

    def later(self, work: Any) -> None:
        """Run a coroutine after the reply."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _warm_up(self) -> None:
        with contextlib.suppress(HypercellError):
            hypervisor = await self.hypervisor()
            language = self.languages.get(self.config.language)
            if language is not None and hasattr(language, "prepare"):
                await language.prepare(self.context(hypervisor, self.config.limits, self.home))

    def context(
        self,
        hypervisor: Hypervisor,
        limits: Limits,
        home: Home,
        progress: Callable[[str], None] = lambda _: None,
    ) -> BuildContext:
        """What a build of this session may use."""
        return BuildContext(
            hypervisor=hypervisor,
            home=home,
            toolchains=InstalledToolchains(),
            limits=limits,
            cache=hypervisor.cache,
            progress=progress,
        )

    async def _traceback(self, error: HypercellError, cell: Execution) -> str:
        symbols = Symbols()
        trap = error if isinstance(error, Trap) else error.__cause__
        if isinstance(trap, Trap) and cell.program is not None and self._hypervisor is not None:
            places: tuple[tuple[str, int] | None, ...] = ()
            if cell.program.wasm is not None:
                offsets = [frame.offset for frame in trap.frames]
                with contextlib.suppress(HypercellError):
                    places = await self._hypervisor.symbolize(cell.program.wasm, offsets)
            symbols = Symbols(places, cell.program.sources)
        return render(error, symbols=symbols)


async def _start_hypervisor(may_miss: Collection[str]) -> Hypervisor:
    from hypercell.vmm import Hypervisor

    hypervisor = Hypervisor(may_miss=may_miss)
    try:
        await hypervisor.start()
    except BaseException:
        await hypervisor.close()
        raise
    return hypervisor
