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
from typing import TYPE_CHECKING, Any, Self

from hypercell.kernel import magics
from hypercell.kernel.cell import FileWrite, Parsed, parse_cell
from hypercell.kernel.cell_limits import cell_limits
from hypercell.kernel.config import Config, load_config
from hypercell.kernel.errors import ToolchainDamaged, ToolchainMissing
from hypercell.kernel.home import Home
from hypercell.kernel.languages.base import BuildContext, Cell, Mode, Program
from hypercell.kernel.languages.registry import languages
from hypercell.kernel.result import (
    CellResult,
    Collector,
    OnEvent,
    OnStdin,
    Progress,
    Shown,
    Stream,
)
from hypercell.kernel.run import run_program
from hypercell.kernel.tables import exports_table
from hypercell.kernel.traceback_text import Symbols, render
from hypercell.vmm.errors import Closed, HypercellError, Interrupted, Trap
from hypercell.vmm.outcome import Usage

if TYPE_CHECKING:
    from pathlib import Path

    from hypercell.vmm import Hypervisor, Layer, Vm

_CANCEL_SECONDS = 1.0  # a VM that takes longer to stop is killed
_BIG_TAR = 1 << 20  # from here on /home is updated in a thread


class Session:
    """Runs cells. Everything but ``execute``'s arguments is fixed from its start."""

    def __init__(
        self, config: Config | None = None, *, hypervisor: Hypervisor | None = None
    ) -> None:
        """``config`` None: the owner's file. ``hypervisor``: a started one, shared, not closed."""
        self.config = load_config() if config is None else config
        self.home = Home()
        self.languages = languages()
        self._hypervisor = hypervisor
        self._owned = hypervisor is None
        self._starting: asyncio.Task[Hypervisor] | None = None
        self._grants: list[Layer] | None = None
        self._applying = asyncio.Lock()
        self._running: set[_Running] = set()
        self._background: set[asyncio.Task[Any]] = set()
        self._cells = 0
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def prepare(self) -> None:
        """Begin to start the processes, so that the first cell need not wait. Never raises."""
        if self._hypervisor is None and self._starting is None and not self._closed:
            self._starting = asyncio.create_task(_start_hypervisor())
            self._starting.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def close(self) -> None:
        """Stop all cells and processes. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        for running in tuple(self._running):
            running.task.cancel()
        tasks = [running.task for running in self._running]
        await asyncio.gather(*tasks, *self._background, return_exceptions=True)
        if self._starting is not None and self._hypervisor is None:
            with contextlib.suppress(HypercellError, asyncio.CancelledError):
                self._hypervisor = await self._starting
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
    ) -> CellResult:
        """Run one cell. Errors of the cell and of the machine are in the result, not raised.

        ``on_event`` gets output as it comes; without it the result holds it. ``on_stdin(max)``
        gives input, b"" at its end; without it, and without ``--stdin``, there is none.
        """
        if self._closed:
            raise Closed("the session is closed")
        self._cells += 1
        collector = Collector()
        sink = on_event or collector
        cell = _Cell(self, text, label or f"cell {self._cells}", sink, on_stdin)
        running = _Running(asyncio.create_task(cell.execute()), cell)
        self._running.add(running)
        error: HypercellError | None = None
        try:
            try:
                await running.task
            except asyncio.CancelledError:
                if not running.interrupted:  # our caller was cancelled
                    running.task.cancel()
                    raise
                error = Interrupted("the cell was interrupted")
            except HypercellError as raised:
                error = raised
        finally:
            self._running.discard(running)
        streams = collector.streams
        return CellResult(
            error=error,
            traceback=await self._traceback(error, cell) if error is not None else "",
            stdout=bytes(streams["stdout"]),
            stderr=bytes(streams["stderr"]),
            text="\n".join(collector.shown),
            usage=cell.usage,
        )

    async def hypervisor(self) -> Hypervisor:
        """The started hypervisor. HostError if this machine cannot run VMs; tried again then."""
        if self._hypervisor is None:
            self.prepare()
            starting = self._starting
            if starting is None:
                raise Closed("the session is closed")
            try:
                self._hypervisor = await asyncio.shield(starting)
            except HypercellError:
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

    async def keep(self, delta: bytes, cell: Cell) -> None:
        """Take over what a cell changed under /home; one after the other."""
        limits = self.config.limits
        async with self._applying:
            if len(delta) > _BIG_TAR:
                await asyncio.to_thread(self.home.apply, delta, limits)
            elif delta:
                self.home.apply(delta, limits)

    def later(self, work: Any) -> None:
        """Run a coroutine after the reply."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _traceback(self, error: HypercellError, cell: _Cell) -> str:
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


class _Running:
    """A cell on its way, to be interrupted at any point."""

    def __init__(self, task: asyncio.Task[None], cell: _Cell) -> None:
        self.task = task
        self.cell = cell
        self.interrupted = False

    def interrupt(self) -> None:
        if self.interrupted:
            return
        self.interrupted = True
        if self.cell.vm is None:
            self.task.cancel()
        else:
            self.cell.session.later(self._stop(self.cell.vm))

    async def _stop(self, vm: Vm) -> None:
        """Let the worker stop the VM, so that its last output arrives; else kill it."""
        with contextlib.suppress(HypercellError):
            await vm.cancel()
        await asyncio.wait([self.task], timeout=_CANCEL_SECONDS)
        self.task.cancel()


class _Cell:
    """One execution."""

    def __init__(
        self,
        session: Session,
        text: str,
        label: str,
        on_event: OnEvent,
        on_stdin: OnStdin | None,
    ) -> None:
        self.session = session
        self.text = text
        self.label = label
        self.on_event = on_event
        self.on_stdin = on_stdin
        self.program: Program | None = None
        self.vm: Vm | None = None
        self.usage = Usage()

    async def execute(self) -> None:
        """Raises what went wrong."""
        session = self.session
        parsed: Parsed = parse_cell(
            self.text,
            languages=session.languages,
            default=session.config.language,
            label=self.label,
        )
        for line in parsed.lines:  # all are known before the first one acts
            magics.find(line.name)
        for line in parsed.lines:
            answer = await magics.find(line.name).run(session, line.words)
            if answer:
                self.on_event(Shown(answer))
        if isinstance(parsed.body, FileWrite):
            data = parsed.body.text.encode("utf-8", "surrogateescape")
            size = session.home.write(
                parsed.body.name, data, session.config.limits, append=parsed.body.append
            )
            self.on_event(Shown(magics.written(parsed.body.name, size)))
        elif parsed.body is not None and (parsed.body.source.strip() or not parsed.lines):
            await self._run(parsed.body)

    async def _run(self, cell: Cell) -> None:
        if not cell.source.strip() and cell.language == self.session.config.language:
            return  # an empty cell does nothing
        self.label = cell.label
        session, options = self.session, cell.options
        limits = cell_limits(options, session.config.limits, session.config.maximum)
        home = Home() if options.fresh else session.home
        hypervisor = await session.hypervisor()
        context = BuildContext(
            hypervisor=hypervisor,
            home=home,
            toolchains=InstalledToolchains(),
            limits=limits,
            cache=hypervisor.cache,
            progress=lambda text: self.on_event(Progress(text)),
        )
        program = self.program = await session.languages[cell.language].build(cell, context)
        if program.warnings:
            self.on_event(Stream("stderr", program.warnings.encode()))
        vm = await hypervisor.acquire()
        try:
            self.vm = vm
            ran = await run_program(
                vm,
                program,
                home=home.layer(),
                grants=session.grants(),
                directories=[grant.guest for grant in session.config.directories],
                limits=limits,
                on_event=self.on_event,
                on_stdin=self.on_stdin if options.stdin is None else _given(options.stdin),
            )
        finally:
            self.vm = None
            vm.close()
        self.usage = ran.usage
        if not options.fresh:
            await session.keep(ran.delta, cell)
        if program.mode is Mode.EXPORTS and not program.invocations:
            self.on_event(Shown(exports_table(program.code, f"%%{cell.language}")))


class InstalledToolchains:
    """``Toolchains`` over what the owner installed."""

    def find(self, name: str) -> Path:
        """Directory of the toolchain; ToolchainMissing, ToolchainDamaged."""
        from hypercell.kernel.toolchains import status

        found = status(name)
        hint = f"run: hypercell toolchain install {name}"
        if found.state == "missing":
            raise ToolchainMissing(f"the toolchain {name} is not installed", hint=hint)
        if found.state != "installed":
            raise ToolchainDamaged(f"the toolchain {name} is {found.state}", hint=hint)
        return found.path


def _given(text: str) -> OnStdin | None:
    """Input that is known from the start; None: the end of file at once."""
    left = bytearray(text.encode("utf-8", "surrogateescape"))

    async def read(limit: int) -> bytes:
        piece = bytes(left[:limit])
        del left[:limit]
        return piece

    return read if left else None


async def _start_hypervisor() -> Hypervisor:
    from hypercell.vmm import Hypervisor

    hypervisor = Hypervisor()
    try:
        await hypervisor.start()
    except BaseException:
        await hypervisor.close()
        raise
    return hypervisor
