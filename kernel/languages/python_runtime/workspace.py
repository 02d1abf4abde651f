"""Magics about variables, files and the environment of the VM."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
from collections.abc import Callable
from typing import Any

from hypercell.kernel.languages.python_runtime.place import Place, UsageError


def who_ls(shell: Any, line: str, place: Place) -> list[str]:
    """The user's names, sorted; of the named types only, where some are named."""
    types_ = set(line.split())
    return sorted(
        name
        for name, value in list(shell.user_ns.items())
        if not name.startswith("_")
        and name not in shell.hidden
        and (not types_ or type(value).__name__ in types_)
    )


def who(shell: Any, line: str, place: Place) -> None:
    """``%who``."""
    names = who_ls(shell, line, place)
    if not names:
        sys.stdout.write("There are no variables yet.\n" if not line else "None of these types.\n")
        return
    sys.stdout.write("\t ".join(names) + "\n")


def whos(shell: Any, line: str, place: Place) -> None:
    """``%whos``: a table."""
    names = who_ls(shell, line, place)
    if not names:
        who(shell, line, place)
        return
    rows = [("Variable", "Type", "Data/Info")]
    for name in names:
        value = shell.user_ns[name]
        rows.append((name, type(value).__name__, _info(value)))
    first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
    rows.insert(1, ("-" * (first + second + 15), "", ""))
    for row in rows:
        text = f"{row[0]:<{first}}   {row[1]:<{second}}   {row[2]}"
        sys.stdout.write(text.rstrip() + "\n")


def _info(value: Any) -> str:
    if isinstance(value, (list, tuple, dict)):
        return f"n={len(value)}"
    try:
        text = str(value).replace("\n", "\\n")
    except Exception:
        return "(its str fails)"
    return text if len(text) < 50 else f"{text[:25]}<...>{text[-25:]}"


def env(shell: Any, line: str, place: Place) -> Any:
    """``%env``, ``%env NAME``, ``%env NAME=VALUE``, ``%env NAME VALUE``."""
    if not line:
        return dict(os.environ)
    name, equals, value = line.partition("=")
    if not equals:
        name, space, value = line.partition(" ")
        if not space:
            if name not in os.environ:
                raise UsageError(f"the VM's environment has no {name}")
            return os.environ[name]
    os.environ[name.strip()] = value.strip()
    sys.stdout.write(f"env: {name.strip()}={value.strip()}\n")
    return None


def pwd(shell: Any, line: str, place: Place) -> str:
    """``%pwd``."""
    return os.getcwd()


def cd(shell: Any, line: str, place: Place) -> None:
    """``%cd DIRECTORY``."""
    os.chdir(line.strip().strip("'\"").replace("~", "/home", 1) or "/home")
    sys.stdout.write(f"{os.getcwd()}\n")


def ls(shell: Any, line: str, place: Place) -> None:
    """``%ls [PATH…]``."""
    words = [word for word in shlex.split(line) if not word.startswith("-")]
    for path in words or ["."]:
        if not os.path.isdir(path):
            os.stat(path)
            sys.stdout.write(f"{path}\n")
            continue
        if len(words) > 1:
            sys.stdout.write(f"{path}:\n")
        with os.scandir(path) as entries:
            found = sorted(entry.name + "/" * entry.is_dir() for entry in entries)
        sys.stdout.writelines(f"{name}\n" for name in found)


def history(shell: Any, line: str, place: Place) -> None:
    """``%history``: the cells that ran."""
    for number, source in enumerate(shell.user_ns.get("In", ())):
        if not source:
            continue
        text = f"{number:4}: {source}" if "-n" in line.split() else source
        sys.stdout.write(f"{text}\n")


class CapturedIO:
    """What ``%%capture NAME`` keeps."""

    __module__ = "IPython.utils.capture"

    def __init__(self, stdout: str, stderr: str) -> None:
        self.stdout, self.stderr = stdout, stderr

    def show(self) -> None:
        """Print it after all."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)

    __call__ = show

    def __str__(self) -> str:
        return self.stdout


def capture(shell: Any, line: str, run: Callable[[], Any]) -> None:
    """``%%capture [NAME]``."""
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            run()
    finally:
        if line.strip():
            shell.user_ns[line.strip()] = CapturedIO(out.getvalue(), err.getvalue())
