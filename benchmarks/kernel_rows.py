"""Rows through Jupyter: the messages of a real front end to real kernels, ours and ipykernel."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from jupyter_client.manager import KernelManager

from benchmarks import native, programs
from benchmarks.timing import Clock, Row, alternate

_SECONDS = 60.0
_PAUSE = 0.05  # before each cell
# Before cells in a row: the VMs that one side makes anew must not slow the other's cells.
_SETTLED = 0.5
_IN_A_ROW = 10
_C = "%%c\n" + programs.HELLO

Side = Callable[[], Awaitable[float]]


class Kernel:
    """A kernel and a client of it, started."""

    def __init__(self, name: str) -> None:
        self._manager = KernelManager(kernel_name=name)
        quiet = subprocess.DEVNULL  # both kernels warn about TCP, at every start
        self._manager.start_kernel(stdout=quiet, stderr=quiet)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=_SECONDS)
        self.pid: int = self._manager.provisioner.pid  # type: ignore[union-attr]

    def run(self, code: str, *, pause: float = _PAUSE) -> tuple[float, float, str]:
        """Milliseconds to the first output (0: none) and to idle, and the text that came."""
        time.sleep(pause)
        start = time.perf_counter()
        first = 0.0
        text = ""
        sent = self._client.execute(code)
        while True:
            message = self._client.get_iopub_msg(timeout=_SECONDS)
            if message["parent_header"].get("msg_id") != sent:
                continue
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                first = first or (time.perf_counter() - start) * 1e3
                text += content["text"]
            elif message["msg_type"] == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                idle = (time.perf_counter() - start) * 1e3
                self._client.get_shell_msg(timeout=_SECONDS)
                return first, idle, text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=kind is not None)


def side(kernel: Kernel, cell: str, pause: float, count: int) -> Side:
    """So many runs of a cell, ``pause`` seconds before each: milliseconds a run."""

    async def run() -> float:
        time.sleep(_SETTLED if count > 1 else _PAUSE)  # noqa: ASYNC251 (nothing else runs in this loop)
        return sum(kernel.run(cell, pause=pause)[1] for _ in range(count)) / count

    return run


async def cell_rows(rounds: int) -> list[Row]:
    """Cells apart from each other, and cells without a pause, as "run all" sends them."""
    with Kernel("hypercell") as ours, Kernel("python3") as ipykernel:
        rows = []
        for title, cell, pause, count, aim in (
            ("cached C cell, execute to idle", _C, _PAUSE, 1, 1.5),
            ("the same, ten in a row, each", _C, 0.0, _IN_A_ROW, 0.0),
        ):
            found = await alternate(
                {
                    title: side(ours, cell, pause, count),
                    "ipykernel, pass": side(ipykernel, "pass", pause, count),
                },
                rounds=rounds if (count, pause) == (1, _PAUSE) else max(3, rounds // 8),
            )
            mine, peer = found.values()
            rows.append(Row(title, mine, peer, aim_ratio=aim or None))
        return rows


async def edit_rows(rounds: int) -> list[Row]:
    stamp = time.time_ns()  # no cache, of an earlier run either, has these sources
    number = 0
    with Kernel("hypercell") as ours, tempfile.TemporaryDirectory() as work:

        async def edit() -> float:
            nonlocal number
            number += 1
            source = programs.edited(stamp + number)
            first, _, text = ours.run("%%c\n" + source)
            assert text == f"hello {stamp + number}\n", text
            return first

        async def by_gcc() -> float:
            time.sleep(_PAUSE)  # noqa: ASYNC251 (nothing else runs in this loop)
            took, output = native.gcc_edit_to_output(programs.edited(stamp + number), Path(work))
            assert output == f"hello {stamp + number}\n".encode(), output
            return took

        sides = {"edited C cell": edit}
        if native.gcc_found():
            sides["gcc and run, native"] = by_gcc
        found = await alternate(sides, rounds=rounds)
    mine, *peers = found.values()
    peer = peers[0] if peers else None
    return [Row("C hello, edit to output", mine, peer, aim_ms=60.0)]


async def start_row(title: str, ours: str, peers: str, rounds: int) -> Row:
    """From the start of a kernel to the end of its first cell."""

    def side(name: str, code: str) -> Side:
        async def start() -> float:
            with Clock() as clock:
                kernel = Kernel(name)
                kernel.run(code, pause=0)
            kernel.__exit__(None, None, None)
            return clock.ms

        return start

    found = await alternate(
        {title: side("hypercell", ours), f"ipykernel: start, {peers}": side("python3", peers)},
        rounds=rounds,
        warm_up=1,
    )
    mine, peer = found.values()
    return Row(title, mine, peer)


async def start_rows(rounds: int) -> list[Row]:
    """A cell that an earlier kernel has compiled."""
    title = "kernel start to the end of a cached C cell"
    return [await start_row(title, "%%c\n" + programs.HELLO, "pass", rounds)]
