"""What front ends ask between cells: completion, inspection, whether a cell is whole.

It is answered in a fork of the session's VM that is thrown away afterwards.
"""

from __future__ import annotations

import ast
import json
import keyword
import warnings
from typing import Any

from hypercell.kernel.languages.python_runtime import completer, expressions, inspector
from hypercell.kernel.languages.python_runtime.expression import at_cursor, word_at
from hypercell.kernel.languages.python_runtime.transform import transform

_loads = json.loads  # a cell may patch the module
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
_INCOMPLETE = 0x4000  # PyCF_ALLOW_INCOMPLETE_INPUT: codeop's, which has no public name


def answer(what: str, source: str, request: dict[str, Any], names: dict[str, Any]) -> Any:
    """The reply to a question."""
    cursor = request.get("cursor", 0)
    if what == "complete":
        return completer.complete(source, cursor, names)
    if what == "inspect":
        return {"status": "ok", "text": _inspect(source, cursor, request.get("detail", 0), names)}
    if what == "expressions":
        return {"status": "ok", "failures": expressions.evaluate(_loads(source), names)}
    return {"status": "ok", "text": whole(source)}


def _inspect(source: str, cursor: int, detail: int, names: dict[str, Any]) -> str:
    for name in (word_at(source, cursor), at_cursor(source[:cursor]).call):
        if not name or keyword.iskeyword(name):
            continue
        try:
            value = completer.evaluate(name, names)
        except LookupError:
            continue
        return inspector.describe(value, name, detail=detail > 0)
    return ""


def whole(source: str) -> str:
    """``complete``, ``incomplete`` or ``invalid``, as CPython's console sees it.

    A block is whole when an empty line follows it.
    """
    changed = transform(source)
    text = changed[0] if changed else source
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = compile(f"{text}\n", "<cell>", "exec", _INCOMPLETE | _FLAGS, True)
        except SyntaxError as error:
            return "incomplete" if type(error).__name__ == "_IncompleteInputError" else "invalid"
        except (OverflowError, ValueError, RecursionError, MemoryError):
            return "invalid"
    last = source.rpartition("\n")[2]
    in_block = last[:1] in (" ", "\t") and bool(last.strip())
    open_block = in_block and bool(tree.body) and hasattr(tree.body[-1], "body")
    return "incomplete" if open_block else "complete"
