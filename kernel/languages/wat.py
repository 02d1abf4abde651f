"""WebAssembly text: a module or component a cell, run as a program or called export by export."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypercell.kernel.errors import BuildError, UsageError
from hypercell.kernel.languages.base import BuildContext, Cell, Mode, OptionHelp, Program
from hypercell.kernel.languages.wat_keywords import KEYWORDS
from hypercell.vmm.errors import InvalidModule, InvokeError

_PLACE = re.compile(r"--> \S+:(\d{1,9}):(\d{1,9})\s*$", re.MULTILINE)
_FUNCTION = re.compile(r"function\[(\d+)\]")
_CAUSE = re.compile(r"^\s*\d+: (.+)$", re.MULTILINE)
_MOST_SHOWN = 160  # characters of the line with the error


class Wat:
    """``%%wat``."""

    name = "wat"
    title = "WebAssembly text"
    suffix = ".wat"
    mimetype = "text/webassembly"
    help = "a module or component: is run, or shows its exports; --invoke calls them"
    common = frozenset({"--invoke"})
    options: Sequence[OptionHelp] = ()
    keywords = KEYWORDS
    comments = (";;", "(;", ";)")

    def check_flags(self, flags: Sequence[str]) -> tuple[str, ...]:
        """WAT has no flags."""
        if flags:
            raise UsageError(
                f"%%wat does not know {flags[0]}", hint="%help wat lists what it takes"
            )
        return ()

    async def build(self, cell: Cell, ctx: BuildContext) -> Program:
        """Compile the text. BuildError points to the line and column in the cell."""
        if not cell.source.strip():
            raise BuildError("the cell holds no module", hint='like (module (func (export "f")))')
        try:
            code = await ctx.hypervisor.compile(cell.source)
        except InvalidModule as error:
            raise _build_error(error, cell) from error
        options = cell.options
        start = any(export.is_start for export in code.exports)
        if options.invoke and start:
            raise InvokeError(
                "a module with _start is a program: it is run, its exports are not called",
                hint="rename _start, or leave --invoke out",
            )
        return Program(
            code=code,
            args=(cell.label, *options.args),
            env=options.env,
            mode=Mode.COMMAND if start else Mode.EXPORTS,
            invocations=options.invoke,
        )


def _build_error(error: InvalidModule, cell: Cell) -> BuildError:
    """The parser's message with the cell's own line and a caret below the column."""
    match = _PLACE.search(error.message)
    lines = cell.source.split("\n")
    if match is None or not 1 <= int(match[1]) <= len(lines):
        return BuildError(f"{cell.label} is no valid module: {_cause(error.message)}")
    first = error.message.strip().splitlines()[0]
    row, column = int(match[1]), int(match[2])
    number = cell.first_line + row - 1
    start = max(0, column - _MOST_SHOWN // 2)
    line = lines[row - 1].rstrip("\r")[start : start + _MOST_SHOWN]
    caret = re.sub(r"[^\t]", " ", line[: max(column - 1 - start, 0)]) + "^"
    margin = " " * len(str(number))
    diagnostics = (
        f"{cell.label}, line {number}, column {column}: {first}\n"
        f"{number} | {line}\n{margin} | {caret}"
    )
    return BuildError(f"{first} (line {number}, column {column})", diagnostics=diagnostics)


def _cause(message: str) -> str:
    """A module that parses but does not validate has no line, but a function and a reason."""
    causes = _CAUSE.findall(message)
    reason: str = causes[-1] if causes else message.strip().partition("\n")[0]
    function = _FUNCTION.search(message)
    return f"function {function[1]}: {reason}" if function else reason


LANGUAGE = Wat()
