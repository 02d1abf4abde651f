"""The expressions that a front end wants to know the values of after a cell."""

from __future__ import annotations

from typing import Any

from hypercell.kernel.languages.python_runtime import tracebacks
from hypercell.kernel.languages.python_runtime.ipython import emit
from hypercell.kernel.languages.python_runtime.mimebundle import cut, mimebundle

_MOST_MESSAGE, _MOST_TRACEBACK = 2000, 4000  # characters


def evaluate(texts: list[str], names: dict[str, Any]) -> list[dict[str, Any]]:
    """Show each value under its number; those that have none, and why."""
    failures = []
    for number, text in enumerate(texts):
        try:
            value = eval(text, names)  # noqa: S307 (a front end's text, in a VM that goes away)
            data, metadata = mimebundle(value)
            emit({"kind": "display", "data": data, "metadata": metadata, "id": str(number)})
        except BaseException as error:
            report = tracebacks.report(error.with_traceback(None))
            failures.append(
                {
                    "number": number,
                    "ename": report["ename"],
                    "evalue": cut(report["evalue"], _MOST_MESSAGE),
                    "traceback": cut(report["traceback"], _MOST_TRACEBACK),
                }
            )
    return failures
