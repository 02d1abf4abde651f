"""``hypercell run``: one program in one fresh micro-VM, with this command's stdin and stdout."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

import msgspec

from hypercell.kernel.advice import command_advice
from hypercell.kernel.cli.directories import Directory, opened, write_all_back
from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.cli.output import Output
from hypercell.kernel.cli.program_stdin import given, host_stdin
from hypercell.kernel.cli.script import run_script
from hypercell.kernel.config import Config, load_config
from hypercell.kernel.errors import DirectoryNotWritten, UsageError
from hypercell.kernel.home import Home
from hypercell.kernel.languages.base import (
    BuildContext,
    Cell,
    Compiled,
    Interpreter,
    Mode,
    Program,
)
from hypercell.kernel.languages.registry import by_suffix, languages
from hypercell.kernel.options import Invocation, Options
from hypercell.kernel.result import Notice, OnStdin, Progress, Shown
from hypercell.kernel.run import run_program
from hypercell.kernel.session import Session
from hypercell.kernel.tables import exports_table
from hypercell.kernel.traceback_text import Symbols, render
from hypercell.vmm.errors import ExitStatus, HypercellError, Interrupted, Trap
from hypercell.vmm.hypervisor import Hypervisor
from hypercell.vmm.isolation import weaker
from hypercell.vmm.session_state import SessionState
from hypercell.vmm.vm import Vm
from hypercell.vmm.vm_snapshot import Snapshot

_LARGEST = 256 << 20


def main(options: argparse.Namespace) -> int:
    """Run the file and return the program's exit code, or one of ``Exit``."""
    source = _read(options.file)
    config = load_config()
    return asyncio.run(_run(options, source, _granted(config, options)))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", hint="name a file that you can read"
        ) from error
    if len(data) > _LARGEST:
        raise UsageError(f"{path} is larger than 256 MiB", hint="no module of that size is run")
    return data


def _granted(config: Config, options: argparse.Namespace) -> Config:
    """Who types the command is the owner: its words count more than the file's."""
    changes: dict[str, float] = {}
    if options.mem is not None:
        changes["memory"] = options.mem
    if options.timeout is not None:
        changes["wall"] = options.timeout
    return msgspec.structs.replace(config, limits=msgspec.structs.replace(config.limits, **changes))


async def _run(options: argparse.Namespace, source: bytes, config: Config) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGINT, task.cancel)
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    with opened(options.dir, config.limits) as directories:
        async with Session(config) as session:
            return await _Run(options, source, session, directories).code()


class _Run:
    """One command: a file, its VM, its end."""

    def __init__(
        self,
        options: argparse.Namespace,
        source: bytes,
        session: Session,
        directories: Sequence[Directory],
    ) -> None:
        self.options = options
        self.source = source
        self.session = session
        self.directories = directories
        self.output = Output()
        self.program: Program | None = None

    async def code(self) -> int:
        """Run it; the exit code of this command."""
        try:
            language = by_suffix(self.options.file.suffix)
            if isinstance(language, Interpreter):
                await self._interpret(language)
            else:
                await self._execute()
        except asyncio.CancelledError:
            self.output.error(
                render(Interrupted("the program was interrupted"), advise=command_advice)
            )
            return Exit.INTERRUPTED
        except ExitStatus as error:
            return error.code & 0xFF or Exit.FAILED
        except HypercellError as error:
            explained = await _explain(self.session, error, self.program, self.options.file.name)
            self.output.error(explained)
            return Exit.of_program(error)
        return Exit.OK

    async def _execute(self) -> None:
        """A program of its own."""
        options, session = self.options, self.session
        program = self.program = await _build(session, options, self.source, self.output)
        if program.mode is Mode.EXPORTS and not program.invocations:
            self.output(Shown(exports_table(program.code, f"hypercell run {options.file}")))
            return
        grants = session.grants()
        async with self._vm(None) as vm:
            await run_program(
                vm,
                program,
                home=None,
                grants=grants,
                directories=[grant.guest for grant in session.config.directories],
                writable=[directory.writable for directory in self.directories],
                limits=session.config.limits,
                on_event=self.output,
                on_stdin=self._stdin(),
            )

    async def _interpret(self, language: Interpreter) -> None:
        """A file of an interpreter's language."""
        if self.options.invoke or self.options.flag:
            raise UsageError(
                f"{self.options.file.name}: --invoke and --flag are not for {language.title}",
                hint="leave them out",
            )
        session = self.session
        context = _context(session, await session.hypervisor(), self.output)
        state = await language.runtime(context)
        grants = session.grants()
        async with self._vm(state.place) as vm:
            await run_script(
                vm,
                language,
                self.source,
                options=self.options,
                context=context,
                grants=grants,
                directories=self.directories,
                output=self.output,
                on_stdin=self._stdin(),
            )

    @contextlib.asynccontextmanager
    async def _vm(self, place: Snapshot | SessionState | None) -> AsyncIterator[Vm]:
        """A VM; when the program has ended, its changes are written back, however it ended."""
        hypervisor = await self.session.hypervisor()
        if hypervisor.missing:
            self.output(Notice(weaker(hypervisor.missing)))
        vm = await hypervisor.acquire(place)
        try:
            try:
                yield vm
            except (HypercellError, asyncio.CancelledError):
                await self._write_back(vm)
                raise
            if await self._write_back(vm):
                raise DirectoryNotWritten("not all that the program changed is on this machine")
        finally:
            vm.close()

    async def _write_back(self, vm: Vm) -> bool:
        """Whether something could not be written."""
        told = await write_all_back(vm, self.directories)
        for line in told:
            self.output.error(f"--dir: {line}")
        return bool(told)

    def _stdin(self) -> OnStdin:
        text = self.options.stdin
        return host_stdin() if text is None else given(text)


async def _explain(
    session: Session, error: HypercellError, program: Program | None, label: str
) -> str:
    """The error with its Wasm stack, with source lines where the module has DWARF."""
    symbols = Symbols()
    trap = error if isinstance(error, Trap) else error.__cause__
    if isinstance(trap, Trap) and program is not None and program.wasm is not None:
        offsets = [frame.offset for frame in trap.frames]
        with contextlib.suppress(HypercellError):
            places = await (await session.hypervisor()).symbolize(program.wasm, offsets)
            symbols = Symbols(places, program.sources)
    return render(error, symbols=symbols, advise=command_advice)


async def _build(
    session: Session, options: argparse.Namespace, source: bytes, output: Output
) -> Program:
    """The program of a source file by its language, or of a module as it is."""
    suffix = options.file.suffix
    name = options.file.name
    invocations = tuple(Invocation(words[0], tuple(words[1:])) for words in options.invoke)
    language = by_suffix(suffix)
    if language is None and suffix != ".wasm":
        known = ", ".join(sorted([".wasm", *(one.suffix for one in languages().values())]))
        raise UsageError(f"{name}: not a kind of file that can be run", hint=f"known: {known}")
    if options.flag and (language is None or "--add" not in language.common):
        raise UsageError(f"{name}: --flag is for the compiler of C", hint="leave it out")
    hypervisor = await session.hypervisor()
    if language is None:
        code = await hypervisor.compile(source)
        command = not invocations and any(export.is_start for export in code.exports)
        return Program(
            code=code,
            args=(name, *options.program_args),
            env=tuple(options.env),
            mode=Mode.COMMAND if command else Mode.EXPORTS,
            invocations=invocations,
            wasm=source,
        )
    if invocations and "--invoke" not in language.common:
        raise UsageError(f"{name}: --invoke is for .wat and .wasm", hint="leave it out")
    try:
        text = source.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text: {error}", hint="convert it") from error
    cell_options = Options(
        env=tuple(options.env),
        invoke=invocations,
        flags=language.check_flags(options.flag) if options.flag else (),
    )
    context = _context(session, hypervisor, output)
    cell = Cell(text, language.name, cell_options, label=name)
    program = await cast("Compiled", language).build(cell, context)
    if program.warnings:
        sys.stderr.write(program.warnings)
    return dataclasses.replace(program, args=(name, *options.program_args))


def _context(session: Session, hypervisor: Hypervisor, output: Output) -> BuildContext:
    return session.context(
        hypervisor, session.config.limits, Home(), lambda step: output(Progress(step))
    )
