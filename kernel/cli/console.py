"""Where commands print: colours on a terminal only, and not with ``NO_COLOR``."""

from __future__ import annotations

import sys

from rich.console import Console


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # ``main`` knows what to do, for rich's output as for print


def console(*, stderr: bool = False) -> Console:
    """A console; text is printed as it is, long lines are left to the terminal."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 200  # no reader of a pipe wants wrapped tables
    return _Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True, width=width)
