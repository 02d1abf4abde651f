"""The session: runs cells one after the other in ``__main__``."""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import io
import sys
import tokenize
import types
from collections.abc import Callable
from typing import Any

from hypercell.kernel.languages.python_runtime import fresh, ipython, tracebacks
from hypercell.kernel.languages.python_runtime.mimebundle import mimebundle

_compile, _exec, _eval, _parse = compile, exec, eval, ast.parse
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_QUIET = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}


class Cells:
    """``emit`` takes records for the reader's page."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self.emit = emit
        ipython.attach(emit)
        fresh.install()
        self._main = types.ModuleType("__main__")
        self._names: dict[str, Any] = self._main.__dict__
        self._results: dict[int, Any] = {}
        self._names.update(__builtins__=builtins, Out=self._results, _="", __="", ___="")
        self._loop: asyncio.AbstractEventLoop | None = None

    def execute(self, source: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a cell: how it ended. The value of a last expression is shown.

        ``request``: label, line (of the source's first line), number, args, env.
        """
        name = f"<{request.get('label', 'cell')}>"
        source = "\n" * (request.get("line", 1) - 1) + source
        sys.modules["__main__"] = self._main
        sys.argv = ["", *request.get("args", ())]
        tracebacks.remember(name, source)
        fresh.begin(request.get("env", {}))
        try:
            value = self._run(source, name)
            if value is not None:
                self._show(value, request.get("number", 0))
        except SystemExit as error:
            return _exit_reply(error)
        except BaseException as error:
            return tracebacks.report(error)
        finally:
            fresh.end()
        return {"status": "ok"}

    def _run(self, source: str, name: str) -> Any:
        """The value of the last expression, if the cell ends in one that is to be shown."""
        tree = _parse(source, name)
        last = tree.body[-1] if tree.body else None
        value = None
        if isinstance(last, ast.Expr) and not _ends_in_semicolon(source):
            tree.body.pop()
            value = ast.Expression(last.value)
        # The flags are the cell's alone: `from __future__` of this file is not.
        body = _compile(tree, name, "exec", _FLAGS, True)
        end = _compile(value, name, "eval", _FLAGS, True) if value is not None else None
        if (body.co_flags | (end.co_flags if end else 0)) & inspect.CO_COROUTINE:
            return self._wait(self._run_awaiting(body, end))
        _exec(body, self._names)
        return _eval(end, self._names) if end else None

    async def _run_awaiting(self, body: types.CodeType, end: types.CodeType | None) -> Any:
        """The same in the event loop, for a cell with ``await`` in it."""
        found = None
        for code in (body, end):
            if code is not None:
                found = _eval(code, self._names)
                if code.co_flags & inspect.CO_COROUTINE:
                    found = await found
        return found if end else None

    def _wait(self, awaitable: Any) -> Any:
        """Top-level ``await``: one loop for all cells, so that tasks go on in later ones."""
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(awaitable)

    def _show(self, value: Any, number: int) -> None:
        names = self._names
        names["___"], names["__"], names["_"] = names.get("__"), names.get("_"), value
        self._results[number] = value
        data, metadata = mimebundle(value)
        ipython.emit({"kind": "result", "data": data, "metadata": metadata})


def _ends_in_semicolon(source: str) -> bool:
    """Whether the last token is one: then the last value is not shown."""
    if ";" not in source:
        return False
    last = ""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _QUIET:
                last = token.string
    except (tokenize.TokenError, SyntaxError):
        return False
    return last == ";"


def _exit_reply(error: SystemExit) -> dict[str, Any]:
    if error.code is None or error.code == 0:
        return {"status": "ok"}
    text = str(error.code)
    return {
        "status": "error",
        "ename": "SystemExit",
        "evalue": text[:10_000],
        "traceback": f"SystemExit: {text[:10_000]}",
    }
