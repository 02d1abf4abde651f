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


class capture_output(contextlib.AbstractContextManager[CapturedIO]):
    """What is printed and shown meanwhile is kept; a value of ``with`` has it at the end."""

    __module__ = "IPython.utils.capture"

    def __init__(self, stdout: bool = True, stderr: bool = True, display: bool = True) -> None:
        self._kinds = (stdout, stderr, display)

    def __enter__(self) -> CapturedIO:
        self._kept = CapturedIO("", "", [])
        self._stack, self._texts = contextlib.ExitStack(), (io.StringIO(), io.StringIO())
        redirects = (contextlib.redirect_stdout, contextlib.redirect_stderr)
        for wanted, redirect, text in zip(self._kinds[:2], redirects, self._texts, strict=True):
            if wanted:
                self._stack.enter_context(redirect(text))
        if self._kinds[2]:
            self._stack.enter_context(ipython.attached(self._keep))
        return self._kept

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        self._kept.stdout, self._kept.stderr = (text.getvalue() for text in self._texts)

    def _keep(self, record: dict[str, Any]) -> None:
        if "data" in record:
            self._kept.outputs.append(RichOutput(record["data"], record["metadata"]))


def capture(shell: Any, line: str, run: Callable[[], Any]) -> None:
    """``%%capture [--no-stdout] [--no-stderr] [--no-display] [NAME]``."""
    words = line.split()
    names = [word for word in words if word not in _OPTIONS]
    if len(names) > 1 or not "".join(names or "_").isidentifier():
        raise UsageError(f"%%capture [{'] ['.join(_OPTIONS)}] [NAME]")
    kept = CapturedIO("", "", [])
    try:
        with capture_output(*(option not in words for option in _OPTIONS)) as kept:
            value = run()
            if value is not None:
                ipython.show(value, result=True)
    finally:
        if names:
            shell.user_ns[names[0]] = kept


def install() -> None:
    """Make it importable."""
    names = {"capture_output": capture_output, "CapturedIO": CapturedIO}
    for module in ("IPython.utils.capture", "IPython.utils.io"):
        sys.modules[module].__dict__.update(names)
