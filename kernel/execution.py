"""One execution of a cell in a session: parse, build, run, keep; to be interrupted at any point."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

import msgspec

from hypercell.kernel import magics
from hypercell.kernel.cell import FileWrite, parse_cell
from hypercell.kernel.cell_limits import cell_limits
from hypercell.kernel.home import Home
from hypercell.kernel.interpret import Interpretation
from hypercell.kernel.languages.base import Cell, Compiled, Interpreter, Mode, Program
from hypercell.kernel.result import Notice, OnEvent, OnStdin, Progress, Shown, Stream
from hypercell.kernel.run import run_program
from hypercell.kernel.tables import exports_table
from hypercell.vmm.errors import HypercellError, Interrupted, Trap
from hypercell.vmm.host_calls import told
from hypercell.vmm.isolation import weaker
from hypercell.vmm.outcome import Usage

if TYPE_CHECKING:
    from hypercell.kernel.session import Session
    from hypercell.vmm import Vm

_CANCEL_SECONDS = 1.0  # a VM that takes longer to stop is killed


class Execution:
    """``program`` and ``usage`` are there once they are known, whatever the end."""

    def __init__(
        self,
        session: Session,
        text: str,
        label: str,
        on_event: OnEvent,
        on_stdin: OnStdin | None,
        quiet: str = "",
    ) -> None:
        self.session = session
        self.text = text
        self.label = label
        self.on_event = on_event
        self.on_stdin = on_stdin
        self.quiet = quiet
        self.program: Program | None = None
        self.usage = Usage()
        self.task = asyncio.create_task(self._execute())
        self._vm: Vm | None = None
        self._interrupted = False

    async def ended(self) -> HypercellError | None:
        """Wait for the end: the error of the cell, or None. Cancelling ends the cell too."""
        try:
            with told("running the cell"):
                await self.task
        except asyncio.CancelledError:
            if not self._interrupted:  # our caller was cancelled
                self.task.cancel()
                raise
            return Interrupted("the cell was interrupted")
        except HypercellError as error:
            return _without_frames(error)
        return None

    def interrupt(self) -> None:
        """End the cell with ``Interrupted``, whatever it is doing."""
        if self._interrupted:
            return
        self._interrupted = True
        if self._vm is None:
            self.task.cancel()
        else:
            self.session.later(self._stop(self._vm))

    async def _stop(self, vm: Vm) -> None:
        """Let the worker stop the VM, so that its last output arrives; else kill it."""
        with contextlib.suppress(HypercellError):
            await vm.cancel()
        await asyncio.wait([self.task], timeout=_CANCEL_SECONDS)
        self.task.cancel()

    async def _execute(self) -> None:
        session = self.session
        parsed = parse_cell(
            self.text,
            languages=session.languages,
            default=session.config.language,
            label=self.label,
        )
        own = getattr(session.languages.get(session.config.language), "line_magics", ())
        for line in parsed.lines:  # all are known before the first one acts
            magics.find(line.name, own)
        await session.settled()
        for line in parsed.lines:
            await asyncio.sleep(0)  # an interrupt comes through between any two
            magic = magics.find(line.name)
            extra = (self._tell,) if magic.tells else ()
            answer = await magic.run(session, line.words, *extra)
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

    def _tell(self, step: str) -> None:
        self.on_event(Stream("stdout", f"{step}\n".encode()))

    def _running(self, vm: Vm | None) -> None:
        """Interrupts go to ``vm`` from now on; what it used is kept at its end."""
        if self._vm is not None:
            self.usage = self._vm.usage
        self._vm = vm

    async def _run(self, cell: Cell) -> None:
        if not cell.source.strip() and cell.language == self.session.config.language:
            return  # an empty cell does nothing
        self.label = cell.label
        if self.quiet:
            cell = msgspec.structs.replace(cell, quiet=self.quiet)
        session, options = self.session, cell.options
        if self.on_stdin is None and options.stdin is None:
            cell = msgspec.structs.replace(cell, answered=False)
        limits = cell_limits(options, session.config.limits, session.config.maximum)
        home = Home() if options.fresh else session.home
        hypervisor = await session.hypervisor()
        context = session.context(
            hypervisor, limits, home, lambda text: self.on_event(Progress(text))
        )
        if hypervisor.missing:
            self.on_event(Notice(weaker(hypervisor.missing)))
        on_stdin = self.on_stdin if options.stdin is None else _given(options.stdin)
        language = session.languages[cell.language]
        if isinstance(language, Interpreter):
            try:
                await Interpretation(session, language, cell).run(
                    context, self.on_event, on_stdin, self._running
                )
            except Trap as trap:
                raise language.trapped(trap) from None
            return
        program = self.program = await cast("Compiled", language).build(cell, context)
        if program.warnings:
            self.on_event(Stream("stderr", program.warnings.encode()))
        vm = await hypervisor.acquire()
        try:
            self._vm = vm
            delta = await run_program(
                vm,
                program,
                home=home.layer(),
                grants=session.grants(),
                directories=[grant.guest for grant in session.config.directories],
                limits=limits,
                on_event=self.on_event,
                on_stdin=on_stdin,
            )
        finally:
            self._vm = None
            self.usage = vm.usage
            vm.close()
        if not options.fresh:
            await session.keep(delta)
        if program.mode is Mode.EXPORTS and not program.invocations:
            self.on_event(Shown(exports_table(program.code, f"%%{cell.language}")))


def _without_frames(error: HypercellError) -> HypercellError:
    """The frames would keep the VM, its layers and this execution until the next collection."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link.__context__ = link.__cause__
        link = link.__cause__
    return error


def _given(text: str) -> OnStdin | None:
    """Input that is known from the start; None: the end of file at once."""
    left = bytearray(text.encode("utf-8", "surrogateescape"))

    async def read(limit: int) -> bytes:
        piece = bytes(left[:limit])
        del left[:limit]
        return piece

    return read if left else None
