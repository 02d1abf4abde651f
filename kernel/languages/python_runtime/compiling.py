"""A cell's text becomes code: its body, and a last expression whose value is shown."""

from __future__ import annotations
import __future__

import ast
import contextlib
import inspect
import linecache
import types
from dataclasses import dataclass
from typing import Any

from hypercell.kernel.languages.python_runtime.transform import transform

_compile, _transform = compile, transform
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_FEATURES = (getattr(__future__, name) for name in __future__.all_feature_names)
# Of a code's flags those that `from __future__` sets; older features share a bit with others.
FUTURES = sum({one.compiler_flag for one in _FEATURES if one.compiler_flag > 0xFFFF})


@dataclass
class CompiledCell:
    """``value``: code of the last expression; ``awaits``: it must run in an event loop.

    ``futures``: the flags of what it and the cells before it imported from ``__future__``.
    """

    body: types.CodeType
    value: types.CodeType | None
    awaits: bool
    futures: int


def compile_cell(source: str, name: str, futures: int, shown: str = "last_expr") -> CompiledCell:
    """SyntaxError with the lines of the cell, as they are written.

    ``shown``: whose values are, in the words of IPython's ``ast_node_interactivity``.
    """
    tree = _tree(source, name, futures | _FLAGS)
    last = tree.body[-1] if tree.body else None
    value = None
    if shown != "last_expr":
        last = _shown(tree, shown)
    if isinstance(last, ast.Expr) and not (";" in source and _semicolon_follows(source, last)):
        tree.body.pop()
        value = ast.Expression(last.value)
    # The flags are the cell's alone: `from __future__` of this file is not.
    body = _compile(tree, name, "exec", futures | _FLAGS, True)
    futures |= body.co_flags & FUTURES
    end = _compile(value, name, "eval", futures | _FLAGS, True) if value is not None else None
    flags = body.co_flags | (end.co_flags if end else 0)
    return CompiledCell(body, end, bool(flags & inspect.CO_COROUTINE), futures)


def _shown(tree: ast.Module, which: str) -> ast.stmt | None:
    """The statement whose value is the cell's; the others that are shown show themselves."""
    last = tree.body[-1] if tree.body else None
    if which == "last_expr_or_assign" and isinstance(last, (ast.Assign, ast.AnnAssign)):
        target = last.targets[-1] if isinstance(last, ast.Assign) else last.target
        if isinstance(target, ast.Name) and last.value is not None:
            named = ast.Name(target.id, ast.Load())
            last = ast.fix_missing_locations(ast.copy_location(ast.Expr(named), last))
            tree.body.append(last)
    if which == "all":
        for node in tree.body[:-1]:
            if isinstance(node, ast.Expr):
                show = ast.parse("get_ipython().show_value(0)", mode="eval").body
                assert isinstance(show, ast.Call)  # noqa: S101 (it is written above)
                for part in ast.walk(show):
                    ast.copy_location(part, node.value)
                show.args = [node.value]
                node.value = show
    return None if which == "none" else last


def cell_magic(source: str) -> tuple[str, str, str] | None:
    """Name, rest of the line and the lines below, if the cell begins with ``%%name``."""
    if "%%" not in source:
        return None
    text = source.lstrip()
    if not text.startswith("%%"):
        return None
    line, _, below = text.partition("\n")
    name, _, rest = line[2:].strip().partition(" ")
    return name, rest.strip(), below


def _parse(source: str, name: str, flags: int) -> ast.Module:
    tree: ast.Module = _compile(source, name, "exec", ast.PyCF_ONLY_AST | flags, True)
    return tree


def _tree(source: str, name: str, flags: int) -> ast.Module:
    """Python is never read as a magic: what parses is not looked at again."""
    with contextlib.suppress(SyntaxError):
        return _parse(source, name, flags)
    text, lines = _transform(source) or (source, set())
    try:
        tree = _parse(text, name, flags)
    except IndentationError:
        if not (width := _indent(text)):
            raise
        tree = _dedented(text, name, width, flags)
    except SyntaxError as error:
        if error.lineno in lines:
            error.text = linecache.getline(name, error.lineno or 0) or error.text
        raise
    for node in ast.walk(tree):
        line = getattr(node, "lineno", None)
        if line in lines:  # carets below the line as it is written
            written = linecache.getline(name, line).rstrip("; \n")
            node.col_offset = len(written) - len(written.lstrip())  # type: ignore[attr-defined]
            node.end_col_offset = len(written.encode())  # type: ignore[attr-defined]
            node.end_lineno = line  # type: ignore[attr-defined]
    return tree


def _indent(source: str) -> int:
    """By how much the whole cell is indented, as pasted code is."""
    lines = [line for line in source.split("\n") if line.strip()]
    return min((len(line) - len(line.lstrip(" ")) for line in lines), default=0)


def _dedented(source: str, name: str, width: int, flags: int) -> ast.Module:
    tree = _parse("\n".join(line[width:] for line in source.split("\n")), name, flags)
    nodes: Any = ast.walk(tree)
    for node in nodes:
        if hasattr(node, "col_offset"):
            node.col_offset += width
            node.end_col_offset += width
    return tree


def _semicolon_follows(source: str, last: ast.stmt) -> bool:
    """Whether the last statement ends in one: then its value is not shown."""
    lines = source.split("\n")[(last.end_lineno or 1) - 1 :]
    lines[0] = lines[0].encode()[last.end_col_offset or 0 :].decode()
    for line in lines:
        rest = line.lstrip(" \t\r\f)\\")
        if rest and not rest.startswith("#"):
            return rest.startswith(";")
    return False
