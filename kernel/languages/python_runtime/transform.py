"""Magics, ``!`` and ``?`` in a cell become Python, line for line."""

from __future__ import annotations

import builtins
import re
from typing import Any

from hypercell.kernel.languages.python_runtime.magic_names import ABSENT, LINE_MAGICS
from hypercell.kernel.languages.python_runtime.scan import ESCAPED, scan

_COMMAND = re.compile(r"\s*\w+(?:[ \t]++(?![=,.(\[:;])[^\n]*)?\s*")


def automagic(source: str, names: dict[str, Any]) -> str:
    """The cell with a ``%`` in front if it is one line, ``ls`` say, that IPython takes for a magic.

    A name that is somebody's is never one.
    """
    name = source.split(None, 1)[0] if source.strip() else ""
    if name not in LINE_MAGICS and name not in ABSENT and name != "pip":
        return source
    if name in names or hasattr(builtins, name) or not _COMMAND.fullmatch(source):
        return source
    return f"%{source.lstrip()}"


def transform(source: str) -> tuple[str, set[int]] | None:
    """The cell as Python, and the numbers of the lines that were rewritten; None if none was."""
    escaped = scan(source).escaped
    if not escaped:
        return None
    pieces: list[str] = []
    lines: set[int] = set()
    done = line = 0
    for start, end in escaped:
        pieces.append(source[done:start])
        line += pieces[-1].count("\n")
        text = source[start:end]
        pieces.append(_rewritten(text) + "\n" * text.count("\n"))
        lines.add(line + 1)
        line += text.count("\n")
        done = end
    pieces.append(source[done:])
    return "".join(pieces), lines


def _rewritten(text: str) -> str:
    match = ESCAPED.match(text)
    assert match is not None  # noqa: S101 (it is how the line was found)
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    whole = text.replace("\\\n", " ")
    if asked := match["asked"]:
        return indent + _magic("pinfo2" if asked == "??" else "pinfo", match["object"])
    if match["set"]:
        _, _, value = whole.partition("=")
        value = value.strip()
        command = value[1:].strip()
        call = _line_magic(command) if match["set"] == "%" else _call("getoutput", command)
        return f"{indent}{match['target'].strip()} = {call}"
    sign, rest = match["sign"], whole.strip()[len(match["sign"]) :]
    if sign[0] == "!":
        return indent + _shell(rest)
    if sign[0] == "?":
        return indent + _magic("pinfo2" if sign == "??" else "pinfo", rest.strip())
    if rest.endswith("?"):
        return indent + _magic("pinfo", "%" + rest.rstrip("?"))
    if sign == "%%":
        return indent + _call("misplaced", rest.split()[0] if rest.split() else "")
    return indent + _line_magic(rest)


def _line_magic(text: str) -> str:
    name, _, rest = text.strip().partition(" ")
    return _magic(name, rest.strip())


def _magic(name: str, rest: str) -> str:
    return _call("run_line_magic", name, rest)


def _shell(command: str) -> str:
    return _call("system", command.strip())


def _call(method: str, *words: str) -> str:
    return f"get_ipython().{method}({', '.join(map(repr, words))})"
