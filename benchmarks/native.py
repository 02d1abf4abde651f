"""The peers without a VM: the same module in this process, the same source with gcc."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import wasmtime

from benchmarks.timing import Clock


class InProcess:
    """One module in a wasmtime engine of this process, compiled once; a fresh store a run."""

    def __init__(self, wasm: bytes, work: Path) -> None:
        self._engine = wasmtime.Engine()
        self._module = wasmtime.Module(self._engine, wasm)
        self._linker = wasmtime.Linker(self._engine)
        self._linker.define_wasi()
        self._output = work / "in-process.out"

    def run(self) -> tuple[float, bytes]:
        """Milliseconds from nothing to its end, and what it wrote."""
        with Clock() as clock:
            store = wasmtime.Store(self._engine)
            wasi = wasmtime.WasiConfig()
            wasi.stdout_file = str(self._output)
            store.set_wasi(wasi)
            start = self._linker.instantiate(store, self._module).exports(store)["_start"]
            assert isinstance(start, wasmtime.Func)
            try:
                start(store)
            except wasmtime.ExitTrap as end:
                if end.code:
                    raise
        return clock.ms, self._output.read_bytes()


def gcc_found() -> bool:
    return shutil.which("gcc") is not None


def gcc_build(source: str, work: Path, *flags: str) -> Path:
    (work / "native.c").write_text(source)
    target = work / "native"
    subprocess.run(["gcc", *flags, "-o", target, work / "native.c"], check=True)
    return target


def gcc_run(target: Path) -> bytes:
    return subprocess.run([target], capture_output=True, check=True).stdout


def gcc_edit_to_output(source: str, work: Path) -> tuple[float, bytes]:
    """Milliseconds to write, compile, link and run a source, and its output."""
    with Clock() as clock:
        target = gcc_build(source, work)
        output = gcc_run(target)
    return clock.ms, output
