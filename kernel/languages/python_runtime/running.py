"""``%run FILE``: a Python file of /home as a program; its variables stay. ``!python FILE``."""

from __future__ import annotations

import builtins
import os
import shlex
import sys
import traceback
import types
from typing import Any

from hypercell.kernel.languages.python_runtime.place import Place, UsageError
from hypercell.kernel.languages.python_runtime.transform import transform

_compile, _exec = compile, exec


def run(shell: Any, line: str, place: Place) -> None:
    """``%run [-i] FILE [WORD…]``; -i: the file sees the variables of the cells."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%run: {error}") from None
    shared = words[:1] == ["-i"]
    words = words[1:] if shared else words
    if not words or words[0].startswith("-"):
        raise UsageError("%run [-i] FILE [WORD…]: a Python file of /home and its arguments")
    path = words[0]
    if not os.path.exists(path) and os.path.exists(f"{path}.py"):
        path = f"{path}.py"
    if not os.path.isfile(path):
        raise UsageError(f"%run: there is no file {path} in {os.getcwd()}; %files lists them")
    if path.endswith(".ipynb"):
        raise UsageError("%run takes Python files, no notebooks")
    with open(path, encoding="utf-8") as file:
        source = file.read()
    if path.endswith(".ipy") and (changed := transform(source)):
        source = changed[0]
    main = types.ModuleType("__main__")
    if shared:
        main.__dict__.update(shell.user_ns)
    try:
        _execute(source, [path, *words[1:]], main)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    finally:
        kept = {k: v for k, v in main.__dict__.items() if not k.startswith("__")}
        shell.user_ns.update(kept)


def program(words: list[str]) -> None:
    """``!python FILE.py [WORD…]``: as a program of its own, nothing of which stays.

    Modules of /home are imported anew for it. How it ended is printed, as a shell has it.
    """
    if not os.path.isfile(words[0]):
        sys.stderr.write(f"python: can't open file {os.path.abspath(words[0])!r}\n")
        return
    with open(words[0], encoding="utf-8") as file:
        source = file.read()
    modules, directory = dict(sys.modules), os.getcwd()
    _forget_own_modules()
    try:
        _execute(source, words, types.ModuleType("__main__"))
    except SystemExit as error:
        if error.code and not isinstance(error.code, int):
            sys.stderr.write(f"{error.code}\n")
    except Exception as error:
        tb = error.__traceback__
        while tb is not None and tb.tb_frame.f_code.co_filename != os.path.abspath(words[0]):
            tb = tb.tb_next
        traceback.print_exception(type(error), error, tb)
    finally:
        _forget_own_modules()
        sys.modules.update(modules)
        os.chdir(directory)


def _forget_own_modules() -> None:
    for name, module in list(sys.modules.items()):
        if name != "__main__" and (getattr(module, "__file__", None) or "").startswith("/home/"):
            del sys.modules[name]


def _execute(source: str, words: list[str], main: types.ModuleType) -> None:
    """Run a file's text as ``main``, with ``words`` as its arguments; the first is its path."""
    path = os.path.abspath(words[0])
    main.__dict__.update(__file__=words[0], __builtins__=builtins)
    before = sys.argv, sys.modules["__main__"], list(sys.path)
    sys.argv, sys.modules["__main__"] = words, main
    sys.path.insert(0, os.path.dirname(path))
    try:
        _exec(_compile(source, path, "exec", 0, True), main.__dict__)
    finally:
        sys.argv, sys.modules["__main__"] = before[0], before[1]
        sys.path[:] = before[2]
