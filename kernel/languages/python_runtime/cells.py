"""The session: runs cells one after the other in ``__main__``."""

from __future__ import annotations

import builtins
import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

from hypercell.kernel.languages.python_runtime import (
    asked,
    autoreload,
    fresh,
    ipython,
    loop,
    sql,
    tracebacks,
)
from hypercell.kernel.languages.python_runtime.compiling import (
    CompiledCell,
    cell_magic,
    compile_cell,
)
from hypercell.kernel.languages.python_runtime.shell import Shell
from hypercell.kernel.languages.python_runtime.transform import automagic

_exec, _eval = exec, eval
_MOST_MISSED = 10_000  # numbers between two cells


class Cells:
    """``emit`` takes records for the reader's page."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self.emit = emit
        ipython.attach(emit)
        fresh.install(emit)
        self._main = types.ModuleType("__main__")
        self._names: dict[str, Any] = self._main.__dict__
        self._results: dict[int, Any] = {}
        self._inputs = [""]
        self._last: tuple[Any, Any, Any] = ("", "", "")
        self._number = 0
        self._futures = 0  # what cells imported from __future__ holds for those after them
        self._names.update(__builtins__=builtins, Out=self._results, In=self._inputs)
        self._names.update(_oh=self._results, _ih=self._inputs, _dh=["/home"])
        self._names.update(_="", __="", ___="", _i="", _ii="", _iii="")
        self._shell = Shell(self._names, self._run_below, loop.wait, self._show_value)
        self._shell.hidden = frozenset(self._names)
        self._name = "<cell>"
        self._quiet = ""
        self._line = 1
        builtins.__dict__["get_ipython"] = lambda: self._shell
        sys.modules["IPython"].__dict__["get_ipython"] = lambda: self._shell
        sys.modules["IPython.core.interactiveshell"].__dict__["InteractiveShell"] = Shell

    def execute(self, source: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a cell: how it ended. The value of a last expression is shown.

        ``request``: label, line (of the source's first line), number, args, env; ``stdin``:
        whether somebody answers ``input``; ``quiet``:
        ``unstored``, not kept in ``In`` and ``Out``, or ``silent``, not shown either; or ``ask``:
        a question of the front end, answered instead; or ``sql``: the source is SQL.
        """
        sys.modules["__main__"] = self._main
        sys.argv = ["", *request.get("args", ())]
        fresh.begin(request.get("env", {}), request.get("stdin", True))
        try:
            if "ask" in request:
                return dict(asked.answer(request["ask"], source, request, self._names))
            if "sql" in request:
                sql.run_request(source, request["sql"], self._names)
                return {"status": "ok"}
            self._begin(source, request)
            autoreload.refresh(self._names)
            self._quiet = request.get("quiet", "")
            self._show_value(self._run(automagic(source, self._names), self._line))
            loop.step()
        except SystemExit as error:
            return _exit_reply(error)
        except BaseException as error:
            return tracebacks.report(error)
        finally:
            autoreload.note()
            fresh.end()
        return {"status": "ok"}

    def _begin(self, source: str, request: dict[str, Any]) -> None:
        """The cell gets its number, ``In`` and ``_i`` its text."""
        self._name = f"<{request.get('label', 'cell')}>"
        self._line = request.get("line", 1)
        tracebacks.remember(self._name, source, self._line)
        if "quiet" in request:
            return
        self._number = request.get("number") or self._number + 1
        self._shell.execution_count = self._number
        names, inputs = self._names, self._inputs
        names["_iii"], names["_ii"], names["_i"] = names.get("_ii"), names.get("_i"), inputs[-1]
        if len(inputs) <= self._number < len(inputs) + _MOST_MISSED:
            inputs += [""] * (self._number - len(inputs))  # cells that were no Python
            inputs.append(source)
        names[f"_i{self._number}"] = source

    def _run(self, source: str, line: int) -> Any:
        """The value of the last expression, if the cell ends in one that is to be shown."""
        if (magic := cell_magic(source)) is not None:
            name, rest, below = magic
            self._line = line + source[: len(source) - len(below)].count("\n")
            return self._shell.run_cell_magic(name, rest, below)
        cell = compile_cell(
            "\n" * (line - 1) + source,
            self._name,
            self._futures,
            self._shell.ast_node_interactivity,
        )
        self._futures = cell.futures
        if cell.awaits:
            return loop.wait(self._run_awaiting(cell))
        _exec(cell.body, self._names)
        return _eval(cell.value, self._names) if cell.value else None

    def _run_below(self, source: str) -> Any:
        """What stands below a ``%%`` magic of Python."""
        return self._run(source, self._line)

    async def _run_awaiting(self, cell: CompiledCell) -> Any:
        """The same in the event loop, for a cell with ``await`` in it."""
        found = None
        for code in (cell.body, cell.value):
            if code is not None:
                found = _eval(code, self._names)
                if code.co_flags & inspect.CO_COROUTINE:
                    found = await found
        return found if cell.value else None

    def _show_value(self, value: Any) -> None:
        """Show the value; ``_`` is it, unless ``_`` became the user's own."""
        if value is None or self._quiet == "silent":
            return
        names = self._names
        mine = zip(("_", "__", "___"), self._last, strict=True)
        if all(names.get(name) is last for name, last in mine):
            self._last = (value, *self._last[:2])
            names["_"], names["__"], names["___"] = self._last
        if not self._quiet:
            names[f"_{self._number}"] = self._results[self._number] = value
        ipython.show(value, result=True)


def _exit_reply(error: SystemExit) -> dict[str, Any]:
    if error.code is None or error.code == 0:
        return {"status": "ok"}
    text = str(error.code)
    return {
        "status": "error",
        "ename": "SystemExit",
        "evalue": text[:10_000],
        "traceback": f"SystemExit: {text[:10_000]}",
    }
