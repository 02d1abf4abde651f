"""Rows of Python cells: against ipykernel, native CPython, and the same component without a VM."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import wasmtime
import wasmtime.component

from benchmarks.kernel_rows import Kernel, side, start_row
from benchmarks.timing import Clock, Row, Series, alternate
from hypercell.kernel import Session
from hypercell.kernel.config import Config
from hypercell.kernel.installed import InstalledToolchains
from hypercell.kernel.toolchains.store import WASM

_LONG_PAUSE = 0.6  # somebody reads before the next cell
_IN_A_ROW = 10
_MANY = 40  # more than VMs are parked: most of these find none
_SPELLED = {_IN_A_ROW: ", ten in a row, each", _MANY: ", forty in a row, each"}
_IMPORT = "import json, re, dataclasses"
_PAGES = (0, 1000, 10_000)
_MARK = "took "

# After pystone: records, calls, lists, strings; times itself, so that starting does not count.
COMPUTE = """
import time

class Record:
    def __init__(self, after=None, kind=0, number=0):
        self.after, self.kind, self.number = after, kind, number

def step(record, numbers, text):
    twin = Record(record.after, record.kind + 1 & 3, record.number * 7 % 10007)
    for at in range(1, len(numbers)):
        numbers[at] = numbers[at - 1] + twin.number & 0xffff
    if text[record.kind] > 'A':
        twin.kind ^= 1
    record.after = None
    return twin

def compute(loops):
    record, numbers, text = Record(None, 0, 3), [1] * 20, 'DHRYSTONE PROGRAM'
    names = {}
    for loop in range(loops):
        record = step(record, numbers, text)
        names[text[loop % 17]] = names.get(text[loop % 17], 0) + record.number
    return sum(names.values()) + sum(numbers)

started = time.perf_counter()
compute(60_000)
print('took', (time.perf_counter() - started) * 1e3)
"""


def _took(output: str) -> float:
    return float(output.partition(_MARK)[2].split()[0])


async def python_rows(rounds: int) -> list[Row]:
    """Small cells after a pause, and without one, as "run all" sends them."""
    with Kernel("hypercell") as ours, Kernel("python3") as ipykernel:
        rows = []
        for kernel in (ours, ipykernel):
            kernel.run("x = 0")
        for cell in ("pass", "1+1", "x += 1", _IMPORT):
            runs = [(_LONG_PAUSE, 1, 1.0), (0.0, _IN_A_ROW, 2.0)]
            if cell == "pass":
                runs.append((0.0, _MANY, 2.0))
            for pause, count, aim in runs:
                title = f"Python {cell}" + _SPELLED.get(count, "")
                found = await alternate(
                    {
                        title: side(ours, cell, pause, count),
                        f"ipykernel, {cell}": side(ipykernel, cell, pause, count),
                    },
                    rounds=max(3, rounds // 8),
                )
                mine, peer = found.values()
                rows.append(Row(title, mine, peer, aim_ratio=aim))
        return rows


class InProcess:
    """The component of ``%%python`` in a wasmtime engine of this process."""

    def __init__(self, wasm: bytes, work: Path) -> None:
        self._output = work / "in-process.out"
        engine = wasmtime.Engine()
        component = wasmtime.component.Component(engine, wasm)
        linker = wasmtime.component.Linker(engine)
        linker.add_wasip2()
        with (
            linker.root() as root,
            root.add_instance("hypercell:host/display@0.1.0") as display,
        ):
            display.add_func("emit", lambda *_: None)
        self._store = wasmtime.Store(engine)
        wasi = wasmtime.WasiConfig()
        wasi.stdout_file = str(self._output)
        wasi.preopen_dir(str(work), "/home")
        self._store.set_wasi(wasi)
        instance = linker.instantiate(self._store, component)
        function = instance.get_func(self._store, "execute")
        assert function is not None
        self._execute: Callable[..., Any] = function

    def run(self, source: str) -> str:
        """Run a cell; what it printed."""
        before = self._output.stat().st_size if self._output.exists() else 0
        request = msgspec.json.encode({"label": "cell"}).decode()
        reply = self._execute(self._store, source, request)
        self._execute.post_return(self._store)  # type: ignore[attr-defined]
        assert '"ok"' in reply, reply
        return self._output.read_bytes()[before:].decode()


async def compute_rows(rounds: int) -> list[Row]:
    """A loop of the processor's: what the VM costs, and what WebAssembly costs."""
    with tempfile.TemporaryDirectory() as work:
        async with Session(Config()) as session:
            wasm = (InstalledToolchains().find("python") / WASM).read_bytes()
            peer = InProcess(wasm, Path(work))

            async def in_vm() -> float:
                result = await session.execute(COMPUTE)
                result.check()
                return _took(result.stdout.decode())

            async def in_process() -> float:
                return _took(peer.run(COMPUTE))

            async def native() -> float:
                printed: list[object] = []
                exec(COMPUTE, {"print": lambda *words: printed.extend(words)})  # noqa: S102
                return float(printed[1])  # type: ignore[arg-type]

            found = await alternate(
                {
                    "Python: records, lists, strings": in_vm,
                    "the same component in this process": in_process,
                    "CPython, native": native,
                },
                rounds=rounds,
                warm_up=1,
            )
    mine, peer_found, native_found = found.values()
    return [Row("Python: records, lists, strings", mine, peer_found, native_found, aim_ratio=1.1)]


async def commit_rows(rounds: int) -> list[Row]:
    """From the reply until the state is kept and its next VM is ready, by pages that changed."""
    rows = []
    async with Session(Config()) as session:
        hypervisor = await session.hypervisor()
        for pages in _PAGES:
            (await session.execute(f"n, b = 0, bytearray(4096 * {pages})")).check()
            times = []
            for _ in range(max(3, rounds // 4)):
                await session.settled()
                await hypervisor.filled()
                cell = f"n += 1\nb[:4096 * {pages}:4096] = bytes([n % 256]) * {pages}"
                (await session.execute(cell)).check()
                with Clock() as clock:
                    await session.settled()
                times.append(clock.ms)
            rows.append(Row(f"commit of {pages} pages more", Series.of("commit", times)))
    return rows


async def start_rows(rounds: int) -> list[Row]:
    """From nothing to the end of the first cell."""
    return [await start_row("kernel start to the first Python reply", "1+1", "1+1", rounds)]
