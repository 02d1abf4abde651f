"""Where in a cell a magic stands: what it sees, and what its tracebacks name."""

from __future__ import annotations

import ast
import inspect
import linecache
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypercell.kernel.languages.python_runtime.compiling import FUTURES
from hypercell.kernel.languages.python_runtime.core_errors import UsageError as UsageError

_compile, _eval = compile, eval
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


@dataclass
class Place:
    """``variables`` are the cell's; ``local``: those of the function around it, if any."""

    variables: dict[str, Any]
    local: dict[str, Any] | None
    file: str
    line: int
    futures: int = 0  # flags of what is imported from __future__ there

    @classmethod
    def of(cls, frame: types.FrameType, variables: dict[str, Any]) -> Place:
        """The place of the code that ``frame`` runs."""
        inner = frame.f_globals is variables and frame.f_locals is not frame.f_globals
        code = frame.f_code
        local = dict(frame.f_locals) if inner else None
        futures = code.co_flags & FUTURES
        return cls(variables, local, code.co_filename, frame.f_lineno, futures)

    def merged(self) -> dict[str, Any]:
        """The variables; in a function a copy, with its own."""
        return self.variables if self.local is None else {**self.variables, **self.local}

    def parse(self, text: str) -> ast.Module:
        """``text`` as if it stood where the magic does."""
        try:
            flags = self.futures | ast.PyCF_ONLY_AST | _FLAGS
            tree: Any = _compile(text, self.file, "exec", flags, True)
        except SyntaxError as error:
            error.lineno = (error.lineno or 1) + self.line - 1
            raise
        shift = max(linecache.getline(self.file, self.line).rfind(text), 0)
        nodes: Any = ast.walk(tree)
        for node in nodes:
            if hasattr(node, "lineno"):
                node.lineno += self.line - 1
                node.end_lineno += self.line - 1
                node.col_offset += shift
                node.end_col_offset += shift
        return tree  # type: ignore[no-any-return]

    def run(self, tree: ast.Module, wait: Callable[[Any], Any]) -> Any:
        """Run it: the value of a last expression. ``wait`` runs what has an ``await`` in it."""
        names = self.merged()
        flags = self.futures | _FLAGS
        found = None
        last = tree.body[-1] if tree.body else None
        value = None
        if isinstance(last, ast.Expr):
            tree.body.pop()
            value = _compile(ast.Expression(last.value), self.file, "eval", flags, True)
        for code in (_compile(tree, self.file, "exec", flags, True), value):
            if code is not None:
                found = _eval(code, names)
                if code.co_flags & inspect.CO_COROUTINE:
                    found = wait(found)
        return found if value is not None else None

    def value(self, text: str) -> Any:
        """The value of an expression."""
        return _eval(_compile(text, self.file, "eval", 0, True), self.merged())
