"""Progress of long steps: bars on a terminal, a line a step elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Steps:
    """Called with (step, fraction or None); a new phrase begins a new step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = ""
        self._start = 0.0
        self._task: TaskID | None = None
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console
        )

    def __enter__(self) -> Steps:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: object, __: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, step: str, fraction: float | None) -> None:
        if step != self._step:
            self._finish()
            self._step, self._start = step, time.monotonic()
            if self._console.is_terminal:
                self._task = self._bars.add_task(step, total=None)
            else:
                self._console.print(f"{step} …")
        if self._task is not None and fraction is not None:
            self._bars.update(self._task, total=1.0, completed=fraction)

    def _finish(self) -> None:
        if not self._step:
            return
        if self._task is not None:
            self._bars.update(self._task, total=1.0, completed=1.0)
            self._bars.stop_task(self._task)
        elif (took := time.monotonic() - self._start) >= 1:
            self._console.print(f"{self._step}: {took:.0f} s")
