"""What a language is: it turns a cell into a program. One file each beside this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from hypercell.kernel.options import Invocation, Options

if TYPE_CHECKING:
    from hypercell.kernel.answers import Answer, Question
    from hypercell.kernel.errors import CellException
    from hypercell.kernel.home import Home
    from hypercell.kernel.result import OnEvent
    from hypercell.kernel.states import State
    from hypercell.vmm import Code, Hypervisor, Layer
    from hypercell.vmm.commands import Command
    from hypercell.vmm.errors import HypercellError, Trap
    from hypercell.vmm.program import Limits

__all__ = [
    "BuildContext",
    "Cell",
    "Compiled",
    "Interpreter",
    "Invocation",
    "Language",
    "Mode",
    "OptionHelp",
    "Options",
    "Program",
    "SourceFile",
    "Toolchains",
]


class Cell(msgspec.Struct, frozen=True):
    """The text of one cell after its magic line."""

    source: str
    language: str
    options: Options = Options()
    first_line: int = 1  # number of the source's first line in the notebook cell
    label: str = "cell"  # "cell 3": what errors and tracebacks call it
    answered: bool = True  # somebody answers what it asks, or its input is known
    quiet: str = ""  # "unstored": not in the history; "silent": not shown either


class Mode(Enum):
    """How a program runs."""

    COMMAND = "command"  # call _start, as WASI commands want it
    EXPORTS = "exports"  # make the calls of ``invocations``; none: show the exports


class SourceFile(msgspec.Struct, frozen=True):
    """A source that DWARF may name, so that tracebacks can show its lines.

    A frame at ``name``:N is shown as ``shown`` line N with ``text``'s line N - ``first_line``.
    A language that emits ``#line`` makes N the line of the notebook cell.
    """

    name: str  # as DWARF has it: the path, or its last component
    text: str
    first_line: int = 1
    shown: str = ""  # "" = ``name``


@dataclass(frozen=True, kw_only=True)
class Program:
    """What the VM runs. ``args``: argv with the program's own name first."""

    code: Code
    args: tuple[str, ...] = ("cell",)
    env: tuple[tuple[str, str], ...] = ()
    mode: Mode = Mode.COMMAND
    invocations: tuple[Invocation, ...] = ()
    layers: tuple[Layer, ...] = ()  # read-only, mounted on / in this order
    warnings: str = ""  # diagnostics of a build that went well: shown on stderr
    wasm: bytes | None = None  # for symbols; None if it has no DWARF
    sources: tuple[SourceFile, ...] = ()


class Toolchains(Protocol):
    """The installed toolchains. Only the owner installs them, never a cell."""

    def find(self, name: str) -> Path:
        """Directory of the verified, unpacked toolchain; ToolchainMissing, ToolchainDamaged."""


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """What a build may use. It reads no host file but toolchains and caches."""

    hypervisor: Hypervisor
    home: Home  # ``home.files()``: what #include and --add see
    toolchains: Toolchains
    limits: Limits  # of this cell, after options and configuration
    cache: Any = None  # the content-addressed store of vmm.cache
    progress: Callable[[str], None] = field(default=lambda _: None)  # shown after a second


class OptionHelp(msgspec.Struct, frozen=True):
    """One row of ``%help c``. ``values`` are offered by completion."""

    name: str  # "-O2", "--add"
    metavar: str = ""  # "FILE"
    help: str = ""
    values: tuple[str, ...] = ()


class Language(Protocol):
    """One language: the ``LANGUAGE`` of a module beside this one; a ``Compiled`` or an
    ``Interpreter``.

    It may also have ``async prepare(ctx)``: load its tools while no cell waits for them.
    """

    name: str  # the word after %%
    title: str  # "C"
    suffix: str  # ".c"
    mimetype: str  # "text/x-csrc"
    help: str  # one line for %languages
    common: frozenset[str]  # which of --add and --invoke it takes
    options: Sequence[OptionHelp]  # its own flags, for help and completion
    keywords: Sequence[str]  # for completion
    info: Mapping[str, Any]  # of Jupyter's language_info: what differs from the above

    def check_flags(self, flags: Sequence[str]) -> tuple[str, ...]:
        """The words of the magic line that are no common option; UsageError for unknown ones."""


class Compiled(Language, Protocol):
    """Each cell is a program of its own."""

    async def build(self, cell: Cell, ctx: BuildContext) -> Program:
        """Compile. BuildError with diagnostics in the cell's own lines; ToolchainMissing."""


@runtime_checkable
class Interpreter(Language, Protocol):
    """Cells share an interpreter whose memory the session keeps, in snapshots of its VM."""

    async def runtime(self, ctx: BuildContext) -> State:
        """The interpreter as it was started: where sessions begin. ToolchainMissing."""

    def call(self, cell: Cell) -> Command:
        """The ``Call`` that runs a cell."""

    def script(
        self, path: str, args: Sequence[str], env: Sequence[tuple[str, str]], cwd: str
    ) -> Command:
        """The ``Call`` that runs a file of the guest as a program of its own."""

    def listener(self, on_event: OnEvent) -> Callable[[int, bytes], None]:
        """Takes the VM's output, checks it, and makes events of it. ProtocolViolation."""

    def ended(self, text: str) -> CellException | None:
        """What the call returned: the cell's own exception, or None. ProtocolViolation."""

    def exit_code(self, error: CellException) -> int | None:
        """The exit code that ``script`` ended with; None if the exception says something else."""

    line_magics: Mapping[str, str]  # name -> help: lines and first lines of a cell that the
    cell_magics: Mapping[str, str]  # interpreter itself runs; they are part of the source

    def trapped(self, trap: Trap) -> HypercellError:
        """What a trap of the interpreter means for the cell."""

    def is_whole(self, source: str) -> str:
        """``complete``, ``incomplete`` or ``invalid`` by its lexical shape; never slow or deep."""

    def ready(self, hypervisor: Hypervisor) -> State | None:
        """What ``runtime`` returned; None before that."""

    def ask(self, question: Question) -> Command | None:
        """The ``Call`` that answers a front end's question; None: it can answer none."""

    def answer(self, question: Question, text: str) -> Answer:
        """What that call returned. ProtocolViolation."""
