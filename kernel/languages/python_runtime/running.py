"""``%run FILE``: a Python file of /home as a program of its own; its variables stay."""

from __future__ import annotations

import builtins
import os
import shlex
import sys
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
    main.__dict__.update(__file__=path, __builtins__=builtins)
    code = _compile(source, os.path.abspath(path), "exec", 0, True)
    before = sys.argv, sys.modules["__main__"], list(sys.path)
    sys.argv, sys.modules["__main__"] = [path, *words[1:]], main
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    try:
        _exec(code, main.__dict__)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    finally:
        sys.argv, sys.modules["__main__"] = before[0], before[1]
        sys.path[:] = before[2]
        kept = {k: v for k, v in main.__dict__.items() if not k.startswith("__")}
        shell.user_ns.update(kept)
