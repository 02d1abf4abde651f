"""Python: CPython 3.14 in the session's VM. What runs inside it is ``python_runtime/``."""

from __future__ import annotations

import asyncio
import keyword
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hypercell.kernel.answers import Answer, Question
from hypercell.kernel.errors import CellException, UsageError
from hypercell.kernel.languages import python_answer, python_reply, python_script
from hypercell.kernel.languages.base import BuildContext, Cell, OptionHelp
from hypercell.kernel.languages.python_runtime import magic_names
from hypercell.kernel.languages.python_runtime import scan as shape
from hypercell.kernel.packages.installed import SITE
from hypercell.kernel.result import OnEvent
from hypercell.kernel.states import State
from hypercell.kernel.toolchains import compiled
from hypercell.kernel.traceback_text import summary
from hypercell.vmm import abi
from hypercell.vmm.commands import (
    Call,
    Command,
    Export,
    Instantiate,
    Load,
    Mount,
    Quota,
    Usage,
    Wasi,
)
from hypercell.vmm.errors import HypercellError, Trap
from hypercell.vmm.program import MIB, Limits
from hypercell.vmm.vm_snapshot import Warmup

if TYPE_CHECKING:
    from hypercell.vmm.hypervisor import Hypervisor

_BUILTINS = (
    "abs all any bool bytes dict display enumerate filter float input int isinstance len list map "
    "max min open print range repr reversed round set sorted str sum super tuple type zip"
)
VERSION = "3.14.0"  # of the CPython in componentize-py; a test compares them
_LIMITS = Limits(wall=120.0, memory=512 * MIB)
_NUMBER = re.compile(r"cell (\d+)")
# Trusted cells, run before the snapshot: what they touch is ready, what they define is forgotten.
_WARM_UP = (
    "x = 1\nx",
    "def f(n):\n    return [i * i for i in range(n)]\nprint(f(10), f'{x:>5}')",
    "import json, re, dataclasses, collections\njson.loads(json.dumps({'a': [1, 2.5, None]}))",
    "1 / 0",
    "x +",
    "class A:\n    def __repr__(self):\n        return 'A'\nA()",
    "%time x\nx?",
    "import asyncio\nawait asyncio.sleep(0)",
    f"import sys\nsys.path.append({SITE!r})",
    "with open('/tmp/warm', 'w') as file:\n    file.write('x')\nimport os\nos.remove('/tmp/warm')",
)
# Run and undone in a parked VM: it shows what memory most cells write.
_PARK_UP = (
    "x = 1\nx += 1\nx",
    "def f(n):\n    return [i * i for i in range(n)]\nprint(f(1000)[-1], f'{x:>5}')",
    "import json, re, dataclasses, collections\njson.loads(json.dumps({'a': [1, 2.5, None]}))",
    "1 / 0",
    "class A:\n    def __repr__(self):\n        return 'A'\nA()",
)
_PARKED = 12
# The request takes the place of an earlier call's record (64 bytes); the next ones lie elsewhere.
_LONGER = " " * 29
_ENVIRONMENT = (("HOME", "/home"), ("USER", "cell"), ("LANG", "C.UTF-8"), ("TERM", "xterm"))


class Python:
    """``%%python``."""

    name = "python"
    title = "Python"
    suffix = ".py"
    mimetype = "text/x-python"
    help = "CPython 3.14 with its standard library; variables live from cell to cell"
    common: frozenset[str] = frozenset()
    options: Sequence[OptionHelp] = ()
    keywords = tuple(sorted({*keyword.kwlist, *_BUILTINS.split()}))
    line_magics: Mapping[str, str] = magic_names.LINE_MAGICS
    cell_magics: Mapping[str, str] = magic_names.CELL_MAGICS
    absent_magics = frozenset(magic_names.ABSENT)
    info: Mapping[str, Any] = {
        "version": VERSION,
        "codemirror_mode": {"name": "ipython", "version": 3},
        "pygments_lexer": "ipython3",
        "nbconvert_exporter": "python",
    }

    def __init__(self) -> None:
        self._made: weakref.WeakKeyDictionary[Hypervisor, State] = weakref.WeakKeyDictionary()
        self._making: weakref.WeakKeyDictionary[Hypervisor, asyncio.Lock] = (
            weakref.WeakKeyDictionary()
        )

    def check_flags(self, words: Sequence[str]) -> tuple[str, ...]:
        """Python has no flags of its own."""
        if words:
            raise UsageError(
                f"%%python does not know {words[0]}", hint="%help python lists what it takes"
            )
        return ()

    async def prepare(self, ctx: BuildContext) -> None:
        """Start the runtime, so that the first cell need not."""
        await self.runtime(ctx)

    async def runtime(self, ctx: BuildContext) -> State:
        """Where sessions begin: started once a hypervisor. ToolchainMissing, ToolchainDamaged."""
        hypervisor = ctx.hypervisor
        async with self._making.setdefault(hypervisor, asyncio.Lock()):
            made = self._made.get(hypervisor)
            if made is None:
                made = self._made[hypervisor] = await _start(ctx)
            return made

    def call(self, cell: Cell) -> Command:
        """The command that runs a cell."""
        number = _NUMBER.fullmatch(cell.label)
        more: dict[str, object] = {"quiet": cell.quiet} if cell.quiet else {}
        if not cell.answered:
            more["stdin"] = False
        return execute(
            cell.source,
            label=cell.label,
            line=cell.first_line,
            number=int(number[1]) if number else 0,
            args=cell.options.args,
            env=dict(cell.options.env),
            **more,
        )

    def script(
        self, path: str, args: Sequence[str], env: Sequence[tuple[str, str]], cwd: str
    ) -> Command:
        """The command that runs a file as ``python FILE`` does."""
        name = path.rpartition("/")[2]
        return execute(python_script.source(path, name, args, cwd), label=name, env=dict(env))

    def exit_code(self, error: CellException) -> int | None:
        """The exit code of ``script``."""
        return python_script.exit_code(error.name, error.message)

    def is_whole(self, source: str) -> str:
        """By brackets, quotes, colons and indentation; what the VM says counts more."""
        return shape.is_whole(source)

    def ready(self, hypervisor: Hypervisor) -> State | None:
        """The runtime, if it has been started."""
        return self._made.get(hypervisor)

    def ask(self, question: Question) -> Command | None:
        """The command that answers a question."""
        return execute(
            question.source, ask=question.what, cursor=question.cursor, detail=question.detail
        )

    def answer(self, question: Question, text: str) -> Answer:
        """What it returned."""
        return python_answer.checked(question, text)

    def trapped(self, trap: Trap) -> HypercellError:
        """CPython's own frames tell nobody anything about the cell."""
        if trap.code == abi.TRAP_STACK_OVERFLOW:
            return Trap(
                "stack overflow inside of CPython: data or calls too deeply nested",
                hint="repr, json, copy, pickle, == and del go as deep as the data; variables and "
                "/home are as they were before this cell",
            )
        return Trap(
            f"CPython gave up: {summary(trap)}",
            hint="os.abort() does that; variables and /home are as they were before this cell",
        )

    def listener(self, on_event: OnEvent) -> Callable[[int, bytes], None]:
        """Takes the VM's output."""
        return python_reply.Listener(on_event)

    def ended(self, text: str) -> CellException | None:
        """The cell's exception, or None."""
        return python_reply.ended(text)


async def _start(ctx: BuildContext) -> State:
    path = ctx.toolchains.find("python")
    ctx.progress("starting Python")
    hypervisor = ctx.hypervisor
    limits = _LIMITS
    commands = [
        _quota(limits),
        Mount("/home", None, abi.MOUNT_HOME),
        Mount("/tmp", None, abi.MOUNT_TMP),  # noqa: S108 - in the guest
        Load(0, True),
        Wasi(("python",), _ENVIRONMENT, ("/home", "/tmp", "/"), True),  # noqa: S108
        Instantiate(0),
        *(execute(source, label="warm-up") for source in _WARM_UP),
        execute("x.re", ask="complete", cursor=4),
        execute("len", ask="inspect", cursor=3),
        execute("", freeze="first"),
        execute("", freeze="last", longer=_LONGER),
    ]
    if key := compiled.code_key(path, "python"):
        hypervisor.read_ahead(commands, [key], limits)
    code = await compiled.load(hypervisor, path, "python", ctx.progress)
    snapshot = await hypervisor.make_snapshot(
        commands,
        code=[code],
        limits=limits,
        name="python",
        parked=_PARKED,
        sessions=True,
        stored=True,
        warmup=Warmup(
            (
                _quota(limits),
                *(execute(source, label="warm-up") for source in _PARK_UP),
                Export(),
                Usage(),
            )
        ),
    )
    return State("start", snapshot, snapshot.memory)


def _quota(limits: Limits) -> Quota:
    return Quota(limits.home_bytes, limits.home_files, limits.tmp_bytes, limits.tmp_files)


def execute(source: str, **request: object) -> Command:
    """The call of the runtime: cells.py in it reads the request."""
    return Call(0, "execute", (source, msgspec.json.encode(request).decode()))


LANGUAGE = Python()
