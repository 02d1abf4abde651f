"""``hypercell run``: one program in one fresh micro-VM, with this command's stdin and stdout."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from pathlib import Path
from typing import cast

import msgspec

from hypercell.kernel.cli.exits import Exit
from hypercell.kernel.cli.output import Output
from hypercell.kernel.config import Config, load_config
from hypercell.kernel.errors import UsageError
from hypercell.kernel.grants import parse_directory
from hypercell.kernel.home import Home
from hypercell.kernel.installed import InstalledToolchains
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
from hypercell.kernel.result import OnStdin, Progress, Shown, Stream
from hypercell.kernel.run import run_program
from hypercell.kernel.session import Session
from hypercell.kernel.tables import exports_table
from hypercell.kernel.traceback_text import Symbols, render
from hypercell.vmm.errors import ExitStatus, HypercellError, Interrupted, Trap
from hypercell.vmm.isolation import weaker

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
    try:
        directories = tuple(parse_directory(text, Path.cwd()) for text in options.dir)
    except ValueError as error:
        raise UsageError(f"--dir: {error}", hint="write --dir HOST::GUEST") from error
    return msgspec.structs.replace(
        config,
        limits=msgspec.structs.replace(config.limits, **changes),
        directories=config.directories + directories,
    )


async def _run(options: argparse.Namespace, source: bytes, config: Config) -> int:
    output = Output()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    if task is not None:
        loop.add_signal_handler(signal.SIGINT, task.cancel)
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
    async with Session(config) as session:
        program: Program | None = None
        try:
            program = await _build(session, options, source, output)
            await _execute(session, program, options, output)
        except asyncio.CancelledError:
            output.error(render(Interrupted("the program was interrupted")))
            return Exit.INTERRUPTED
        except ExitStatus as error:
            return error.code & 0xFF or Exit.FAILED
        except HypercellError as error:
            output.error(await _explain(session, error, program, options.file.name))
            return Exit.of_program(error)
    return Exit.OK


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
    return render(error, symbols=symbols)


async def _build(
    session: Session, options: argparse.Namespace, source: bytes, output: Output
) -> Program:
    """The program of a source file by its language, or of a module as it is."""
    suffix = options.file.suffix
    name = options.file.name
    invocations = tuple(Invocation(words[0], tuple(words[1:])) for words in options.invoke)
    language = by_suffix(suffix)
    if language is None and suffix != ".wasm":
        known = ", ".join(sorted([".wasm", *_compiled_suffixes()]))
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
    if isinstance(language, Interpreter):
        raise UsageError(
            f"{name}: {language.title} runs in notebooks and sessions so far, not from a file",
            hint=f"write it below %%{language.name} in a cell",
        )
    cell_options = Options(
        env=tuple(options.env),
        invoke=invocations,
        flags=language.check_flags(options.flag) if options.flag else (),
    )
    context = BuildContext(
        hypervisor=hypervisor,
        home=Home(),
        toolchains=InstalledToolchains(),
        limits=session.config.limits,
        cache=getattr(hypervisor, "cache", None),
        progress=lambda step: output(Progress(step)),
    )
    cell = Cell(text, language.name, cell_options, label=name)
    program = await cast("Compiled", language).build(cell, context)
    if program.warnings:
        sys.stderr.write(program.warnings)
    return dataclasses.replace(program, args=(name, *options.program_args))


def _compiled_suffixes() -> list[str]:
    return [found.suffix for found in languages().values() if not isinstance(found, Interpreter)]


async def _execute(
    session: Session, program: Program, options: argparse.Namespace, output: Output
) -> None:
    if program.mode is Mode.EXPORTS and not program.invocations:
        output(Shown(exports_table(program.code, f"hypercell run {options.file}")))
        return
    grants = session.grants()
    hypervisor = await session.hypervisor()
    if hypervisor.missing:
        output(Stream("stderr", weaker(hypervisor.missing)))
    vm = await hypervisor.acquire()
    try:
        await run_program(
            vm,
            program,
            home=None,
            grants=grants,
            directories=[grant.guest for grant in session.config.directories],
            limits=session.config.limits,
            on_event=output,
            on_stdin=_host_stdin() if options.stdin is None else _given(options.stdin),
        )
    finally:
        vm.close()


def _host_stdin() -> OnStdin:
    """This command's own stdin, read only when the program asks."""
    descriptor = sys.stdin.fileno()

    async def read(limit: int) -> bytes:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        # A terminal or pipe is waited for, so that a time-out or Ctrl-C still counts; a file has
        # its bytes now, and epoll refuses it.
        with contextlib.suppress(PermissionError):
            loop.add_reader(descriptor, _settle, ready)
            try:
                await ready
            finally:
                loop.remove_reader(descriptor)
        return os.read(descriptor, limit)

    return read


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _given(text: str) -> OnStdin:
    """``--stdin TEXT``."""
    left = bytearray(text.encode("utf-8", "surrogateescape"))

    async def read(limit: int) -> bytes:
        piece = bytes(left[:limit])
        del left[:limit]
        return piece

    return read
