"""What could stand at the cursor, from the session's variables as they are.

It runs in a fork of the session's VM that is thrown away: expressions before a dot are evaluated,
modules imported, whatever their code does.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import keyword
import os
import pkgutil
import re
import sys
import types
from collections.abc import Iterable
from typing import Any

from hypercell.kernel.languages.python_runtime.expression import Cursor, at_cursor
from hypercell.kernel.languages.python_runtime.inspector import signature_of

_MOST = 500
_SIGNATURES = 100
_IMPORT = re.compile(r"[ \t]*import[ \t]+(?:.*,[ \t]*)?(?P<module>[\w.]*)\Z")
_FROM = re.compile(r"[ \t]*from[ \t]+(?P<module>[\w.]*)\Z")
_FROM_IMPORT = re.compile(
    r"[ \t]*from[ \t]+(?P<module>[\w.]+)[ \t]+import[ \t(]+(?:[^#]*,\s*)?(?P<name>\w*)\Z"
)
_AFTER_FROM = re.compile(r"[ \t]*from[ \t]+[\w.]+[ \t]+(?P<word>\w*)\Z")
_IMPORTS = re.compile(r"^(?:import|from)[ \t].+$", re.MULTILINE)
_BOUND = re.compile(
    r"\b(?:def|class|as|import|for|with)\s+(\w+)|(?<![\w.=!<>])(\w+)\s*(?::[^=\n]+)?=(?!=)|(\w+)(?=\s*,[^()=\n]*=[^=])"
)

Match = dict[str, str]


def complete(code: str, cursor: int, names: dict[str, Any]) -> dict[str, Any]:
    """``matches`` that replace the characters from ``start`` to the cursor."""
    before = code[:cursor]
    at = at_cursor(before)
    if at.comment:
        return _reply([], cursor, cursor)
    if at.string:
        return _in_string(at, cursor, names)
    statement = at.statement
    if match := _IMPORT.match(statement) or _FROM.match(statement):
        return _reply(_modules(match["module"]), cursor - len(match["module"]), cursor)
    if match := _FROM_IMPORT.match(statement):
        return _reply(_members(match["module"], match["name"]), cursor - len(match["name"]), cursor)
    if match := _AFTER_FROM.match(statement):
        return _reply([_match("import", "keyword")], cursor - len(match["word"]), cursor)
    _import_above(code, names)
    start = cursor - len(at.word)
    if at.owner or before[:start].rstrip().endswith("."):
        return _reply(_attributes(at, names), start, cursor)
    found: list[Match] = []
    if at.call:
        found += _parameters(at, names)
    if at.subscript and not at.word:
        keys = [repr(key) for key in _keys(at.subscript, names)]
        return _reply([_match(key, "key") for key in keys], start, cursor)
    found += _names(at.word, code, names)
    return _reply(found, start, cursor)


def _reply(found: Iterable[Match], start: int, end: int) -> dict[str, Any]:
    seen: dict[str, Match] = {}
    for match in found:
        seen.setdefault(match["text"], match)
    return {"status": "ok", "matches": list(seen.values())[:_MOST], "start": start, "end": end}


def _match(text: str, kind: str, signature: str = "") -> Match:
    return {"text": text, "type": kind, "signature": signature}


def evaluate(text: str, names: dict[str, Any]) -> Any:
    """The value of an expression; LookupError if it has none."""
    try:
        return eval(f"({text}\n)", names)  # noqa: S307 (a cell's text in a VM that goes away)
    except BaseException as error:
        raise LookupError(text) from error


def _import_above(code: str, names: dict[str, Any]) -> None:
    """What the cell itself imports counts before it has run."""
    for line in _IMPORTS.findall(code)[:50]:
        try:
            exec(line, names)  # noqa: S102 (see evaluate)
        except BaseException:  # noqa: S112 (a line that is not whole yet, no such module)
            continue


def _wanted(word: str, names: Iterable[Any]) -> list[str]:
    """The names that begin like ``word``; private ones only if it says so."""
    found = {name for name in names if isinstance(name, str) and name.startswith(word)}
    if not word.startswith("_"):
        found = {name for name in found if not name.startswith("_")}
    elif not word.startswith("__"):
        found = {name for name in found if not name.startswith("__")}
    return sorted(found, key=lambda name: (name.startswith("_"), name.lower(), name))


def _attributes(at: Cursor, names: dict[str, Any]) -> list[Match]:
    if not at.owner:
        return []
    try:
        owner = evaluate(at.owner, names)
        listed = dir(owner)
    except LookupError:
        return []
    found = []
    for number, name in enumerate(_wanted(at.word, listed)):
        if not name.isidentifier():
            continue
        try:
            value = inspect.getattr_static(owner, name)
        except AttributeError:
            value = None
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        bound = getattr(owner, name) if isinstance(value, types.FunctionType) else value
        found.append(_described(name, bound, number))
    return found


def _described(name: str, value: Any, number: int) -> Match:
    kind = kind_of(value)
    signature = ""
    if number < _SIGNATURES and kind in ("function", "class"):
        signature = signature_of(value) or ""
    return _match(name, kind, signature)


def kind_of(value: Any) -> str:
    """The word that front ends show beside a name."""
    if isinstance(value, property):
        return "property"
    if inspect.isclass(value):
        return "class"
    if inspect.ismodule(value):
        return "module"
    if inspect.isroutine(value):
        return "function"
    return "instance"


def _names(word: str, code: str, names: dict[str, Any]) -> list[Match]:
    bound = {name for groups in _BOUND.findall(code[:20_000]) for name in groups if name}
    bound.discard(word)
    found = []
    for number, name in enumerate(_wanted(word, {*names, *bound})):
        if name.isidentifier() and not keyword.iskeyword(name):
            value = names.get(name)
            known = name in names
            found.append(_described(name, value, number) if known else _match(name, "instance"))
    if word:
        words = [*keyword.kwlist, *keyword.softkwlist]
        found += [_match(name, "keyword") for name in _wanted(word, words)]
        for number, name in enumerate(_wanted(word, vars(builtins))):
            if not keyword.iskeyword(name):
                found.append(_described(name, vars(builtins)[name], number))
    return found


def _parameters(at: Cursor, names: dict[str, Any]) -> list[Match]:
    """``name=`` for the function whose brackets are open."""
    try:
        function = evaluate(at.call, names)
        parameters = inspect.signature(function).parameters.values()
    except Exception:  # it cannot be called, or says nothing
        return []
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = [parameter.name for parameter in parameters if parameter.kind in kinds]
    return [_match(f"{name}=", "param") for name in known if name.startswith(at.word)]


def _keys(owner: str, names: dict[str, Any]) -> list[Any]:
    try:
        value = evaluate(owner, names)
        keys = list(value.keys() if hasattr(value, "keys") else value.columns)
    except Exception:
        return []
    return [key for key in keys[:2000] if isinstance(key, (str, int, float, bytes, tuple))][:_MOST]


def _in_string(at: Cursor, cursor: int, names: dict[str, Any]) -> dict[str, Any]:
    start = cursor - len(at.typed)
    if at.subscript:
        found = []
        for key in _keys(at.subscript, names):
            if isinstance(key, str) and key.startswith(at.typed):
                shown = repr(key)[1:-1]
                if shown == key and at.string not in key:
                    found.append(_match(key, "key"))
        return _reply(found, start, cursor)
    if len(at.string) == 3 or "\n" in at.typed:
        return _reply([], cursor, cursor)
    return _reply(_paths(at.typed), start, cursor)


def _paths(typed: str) -> list[Match]:
    directory, slash, last = typed.rpartition("/")
    try:
        with os.scandir(directory + slash or ".") as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except (OSError, ValueError):
        return []
    return [
        _match(f"{directory}{slash}{name}{'/' * is_dir}", "path")
        for name, is_dir in found
        if name.startswith(last) and (last.startswith(".") or not name.startswith("."))
    ]


def _modules(text: str) -> list[Match]:
    package, dot, word = text.rpartition(".")
    if not dot:
        known = {*sys.stdlib_module_names, *(info.name for info in pkgutil.iter_modules())}
        return [_match(name, "module") for name in _wanted(word, known)]
    try:
        paths = importlib.import_module(package).__path__
    except BaseException:
        return []
    known = {info.name for info in pkgutil.iter_modules(paths)}
    prefix = f"{package}."
    known |= {
        name.removeprefix(prefix).partition(".")[0]
        for name in list(sys.modules)
        if name.startswith(prefix)
    }
    return [_match(f"{package}.{name}", "module") for name in _wanted(word, known)]


def _members(module: str, word: str) -> list[Match]:
    try:
        owner = importlib.import_module(module)
    except BaseException:
        return []
    found = [
        _described(n, getattr(owner, n, None), i) for i, n in enumerate(_wanted(word, dir(owner)))
    ]
    prefix = f"{module}.{word}"
    below = [m["text"].rpartition(".")[2] for m in _modules(prefix)]
    return [*found, *(_match(name, "module") for name in below)]
