"""Magics about variables, files and the environment of the VM."""

from __future__ import annotations

import os
import shlex
import sys
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
    """``%cd DIRECTORY``; ``-`` is the one before."""
    visited = shell.user_ns.setdefault("_dh", ["/home"])
    wanted = line.strip().strip("'\"").replace("~", "/home", 1) or "/home"
    if wanted == "-":
        if len(visited) < 2:
            raise UsageError("%cd -: there was no other directory yet")
        wanted = visited[-2]
    os.chdir(wanted)
    visited.append(os.getcwd())
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
    cells = list(enumerate(shell.user_ns.get("In", ())))
    words = line.split()
    numbered = "-n" in words
    words = [word for word in words if word != "-n"]
    if words[:1] == ["-l"]:
        last = int(words[1]) if words[1:] and words[1].isdecimal() else 10
        cells = cells[:-1][-last:]  # without this one, as in IPython
    elif words:
        wanted = set().union(*map(_numbers, words))
        cells = [cell for cell in cells if cell[0] in wanted]
    for number, source in cells:
        if source:
            before = f"{number:4}:" + ("\n" if "\n" in source else " ") if numbered else ""
            sys.stdout.write(f"{before}{source}\n")


def _numbers(word: str) -> range:
    first, _, last = word.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        raise UsageError("%history [-n] [-l N | NUMBER | FIRST-LAST …]")
    return range(int(first), int(last or first) + 1)
