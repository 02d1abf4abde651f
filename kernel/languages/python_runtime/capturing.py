"""``%%capture``: what a cell prints and shows is kept instead."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from typing import Any

from hypercell.kernel.languages.python_runtime import ipython
from hypercell.kernel.languages.python_runtime.place import UsageError

_OPTIONS = ("--no-stdout", "--no-stderr", "--no-display")


class RichOutput:
    """Something shown: ``data`` by MIME type."""

    __module__ = "IPython.utils.capture"

    def __init__(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.data, self.metadata = data, metadata

    def display(self) -> None:
        """Show it after all."""
        ipython.publish_display_data(self.data, self.metadata)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.data, self.metadata


class CapturedIO:
    """What ``%%capture NAME`` keeps."""

    __module__ = "IPython.utils.capture"

    def __init__(self, stdout: str, stderr: str, outputs: list[RichOutput]) -> None:
        self.stdout, self.stderr, self.outputs = stdout, stderr, outputs

    def show(self) -> None:
        """Print and show it after all."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)
        for output in self.outputs:
            output.display()

    __call__ = show

    def __str__(self) -> str:
        return self.stdout


def capture(shell: Any, line: str, run: Callable[[], Any]) -> None:
    """``%%capture [--no-stdout] [--no-stderr] [--no-display] [NAME]``."""
    words = line.split()
    names = [word for word in words if word not in _OPTIONS]
    if len(names) > 1 or not "".join(names or "_").isidentifier():
        raise UsageError(f"%%capture [{'] ['.join(_OPTIONS)}] [NAME]")
    out, err = io.StringIO(), io.StringIO()
    outputs: list[RichOutput] = []

    def keep(record: dict[str, Any]) -> None:
        if "data" in record:
            outputs.append(RichOutput(record["data"], record["metadata"]))

    try:
        with contextlib.ExitStack() as stack:
            if "--no-stdout" not in words:
                stack.enter_context(contextlib.redirect_stdout(out))
            if "--no-stderr" not in words:
                stack.enter_context(contextlib.redirect_stderr(err))
            if "--no-display" not in words:
                stack.enter_context(ipython.attached(keep))
            value = run()
            if value is not None:
                ipython.show(value, result=True)
    finally:
        if names:
            shell.user_ns[names[0]] = CapturedIO(out.getvalue(), err.getvalue(), outputs)
