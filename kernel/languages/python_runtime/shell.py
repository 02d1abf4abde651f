"""``get_ipython()``: what magics, ``!`` and ``?`` in a cell call."""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable
from typing import Any

from hypercell.kernel.languages.python_runtime import (
    autoreload,
    capturing,
    debugging,
    inspector,
    layout,
    running,
    timing,
    workspace,
)
from hypercell.kernel.languages.python_runtime.ipython import emit
from hypercell.kernel.languages.python_runtime.magic_names import (
    ABSENT,
    CELL_MAGICS,
    IGNORED,
    LINE_MAGICS,
)
from hypercell.kernel.languages.python_runtime.place import Place, UsageError

_PIP = "%pip, at the top of a cell, installs what the owner grants"
_FETCH = "cells have no network; %%file NAME puts text into /home"
_INSTEAD = {
    **dict.fromkeys(("pip", "pip3", "conda"), _PIP),
    **dict.fromkeys(("wget", "curl", "git"), _FETCH),
    **dict.fromkeys(("ls", "pwd", "cd"), "%ls, %pwd and %cd are there"),
    **dict.fromkeys(
        ("cat", "head", "tail"), "%cat FILE, at the top of a cell, shows a file of /home"
    ),
    **dict.fromkeys(("python", "python3"), "%run FILE runs a Python file of /home"),
    **dict.fromkeys(("gcc", "clang", "cc"), "%%c compiles and runs C"),
}
_INTERACTIVITY = "InteractiveShell.ast_node_interactivity"
_EXTENSIONS = ("load_ext", "reload_ext")
_OWN = ", ".join(["%files", "%undo", "%limits"])
# A shell would do nothing else with it: no quotes, pipes, variables.
_PYTHON = re.compile(
    r"\s*(?:python[0-9.]*|\{sys\.executable\}) +([\w./-]+\.py(?: +[\w./=,:@%+-]+)*)\s*"
)
_SHOWN_AS = {
    "html": "text/html",
    "latex": "text/latex",
    "markdown": "text/markdown",
    "svg": "image/svg+xml",
}


class Shell:
    """``user_ns``: the variables; ``run(source)``: runs the text of a cell; ``wait(awaitable)``.

    ``show_value`` shows a value as that of a cell. ``ast_node_interactivity``: whose values a cell
    shows.
    """

    ast_node_interactivity = "last_expr"

    @staticmethod
    def instance() -> Any:
        """The one there is."""
        return builtins.__dict__["get_ipython"]()

    def __init__(
        self,
        names: dict[str, Any],
        run: Callable[[str], Any],
        wait: Callable[[Any], Any],
        show_value: Callable[[Any], None],
    ) -> None:
        self.user_ns = names
        self.wait = wait
        self.show_value = show_value
        self.hidden: frozenset[str] = frozenset()  # names that %who does not show
        self.execution_count = 1
        self._run = run

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """``%name line``."""
        magic = _LINES.get(magic_name)
        if magic_name in _EXTENSIONS and line.strip() == "autoreload":
            return None  # it is there from the start
        if magic_name == "config" and line.replace(" ", "").startswith(_INTERACTIVITY):
            return self._set_interactivity(line)
        if magic is None and magic_name in IGNORED:
            sys.stderr.write(f"%{magic_name} does nothing here: {ABSENT[magic_name]}\n")
            return None
        if magic is None:
            raise _unknown(magic_name, "%")
        return magic(self, line, Place.of(sys._getframe(_stack_depth), self.user_ns))

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """``%%name line`` and the cell below it."""
        if magic_name.lower() in _SHOWN_AS:
            data = {_SHOWN_AS[magic_name.lower()]: cell, "text/plain": f"<%%{magic_name}>"}
            emit({"kind": "display", "data": data, "metadata": {}, "id": ""})
            return None
        if magic_name == "time":
            return timing.time_cell(lambda: self._run(cell))
        if magic_name == "timeit":
            place = Place(self.user_ns, None, "<timeit>", 1)
            return timing.timeit(self, line, place, cell)
        if magic_name == "prun":
            return debugging.prun(self, line, Place(self.user_ns, None, "<prun>", 1), cell)
        if magic_name == "capture":
            return capturing.capture(self, line, lambda: self._run(cell))
        raise _unknown(magic_name, "%%")

    def _set_interactivity(self, line: str) -> str | None:
        """``%config InteractiveShell.ast_node_interactivity [= VALUE]``."""
        _, equals, text = line.partition("=")
        value = text.strip(" '\"")
        if not equals:
            return self.ast_node_interactivity
        if value not in ("all", "last", "last_expr", "last_expr_or_assign", "none"):
            raise UsageError("it is all, last, last_expr, last_expr_or_assign or none")
        type(self).ast_node_interactivity = value
        return None

    def misplaced(self, name: str) -> None:
        """``%%name`` below the first line."""
        raise UsageError(f"%%{name} must be the first line of a cell")

    def system(self, command: str) -> None:
        """``!command``: ``python FILE.py`` runs in this VM, others cannot."""
        if match := _PYTHON.fullmatch(command):
            running.program(match[1].split())
            return
        first = (command.split() or [""])[0]
        if "pip install" in command:
            first = "pip"
        instead = _INSTEAD.get(
            first, "pathlib, os and shutil handle files; %languages lists other languages"
        )
        raise UsageError(
            f"!{command}: there is no shell and no other program in a micro-VM; {instead}"
        )

    def getoutput(self, command: str) -> list[str]:
        """``x = !command``: the lines that it prints."""
        with capturing.capture_output(stderr=False, display=False) as kept:
            self.system(command)
        return kept.stdout.splitlines()

    def magic(self, text: str) -> Any:
        """``name line`` in one text."""
        name, _, line = text.removeprefix("%").partition(" ")
        return self.run_line_magic(name, line, 2)

    def __repr__(self) -> str:
        return "<the shell of Hypercell's Python cells>"


# What programs look for to know that they are in a notebook.
Shell.__name__ = Shell.__qualname__ = "ZMQInteractiveShell"


def _unknown(name: str, sign: str) -> UsageError:
    if name == "pip":
        return UsageError(f"%pip cannot be used within Python: {_PIP}")
    if name in ABSENT:
        return UsageError(f"{sign}{name} is not there: {ABSENT[name]}")
    if f"{sign}{name}" in {*(f"%{n}" for n in LINE_MAGICS), *(f"%%{n}" for n in CELL_MAGICS)}:
        return UsageError(f"{sign}{name} cannot be used here")
    if sign == "%":
        return UsageError(
            f"there is no magic %{name} within a Python cell: %lsmagic lists them; "
            f"those of Hypercell ({_OWN}, …) stand at the top of a cell"
        )
    return UsageError(f"there is no magic %%{name}: %lsmagic lists them")


def _lsmagic(shell: Shell, line: str, place: Place) -> None:
    sys.stdout.write(
        "In a Python cell:\n"
        + "".join(f"  {text}\n" for text in (*LINE_MAGICS.values(), *CELL_MAGICS.values()))
        + "At the top of any cell: %help lists the others.\n"
    )


_LINES: dict[str, Callable[[Any, str, Place], Any]] = {
    "aimport": autoreload.aimport,
    "autoreload": autoreload.autoreload,
    "cd": workspace.cd,
    "debug": debugging.debug,
    "env": workspace.env,
    "hist": workspace.history,
    "history": workspace.history,
    "ls": workspace.ls,
    "lsmagic": _lsmagic,
    "pdoc": inspector.pdoc,
    "pinfo": inspector.pinfo,
    "pinfo2": inspector.pinfo2,
    "pprint": layout.pprint,
    "precision": layout.precision,
    "prun": debugging.prun,
    "psource": inspector.psource,
    "pwd": workspace.pwd,
    "run": running.run,
    "set_env": workspace.env,
    "tb": debugging.tb,
    "time": timing.time_line,
    "timeit": timing.timeit,
    "who": workspace.who,
    "who_ls": workspace.who_ls,
    "whos": workspace.whos,
}
