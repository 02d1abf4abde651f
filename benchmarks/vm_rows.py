"""Rows without Jupyter: a hello in fresh and parked VMs, and plain computation."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import native, programs
from benchmarks.kvm_floor import SmallestVM
from benchmarks.timing import Clock, Row, alternate
from hypercell.kernel.config import Config
from hypercell.kernel.home import Home
from hypercell.kernel.installed import InstalledToolchains
from hypercell.kernel.languages.base import BuildContext, Cell, Program
from hypercell.kernel.languages.c import LANGUAGE
from hypercell.kernel.options import Options
from hypercell.kernel.result import Collector
from hypercell.kernel.run import run_program
from hypercell.vmm import Hypervisor
from hypercell.vmm.program import Limits

FLAGS = ("-O2", "-g")  # -g keeps the Wasm, which the peer needs; the code is the same


async def build(hypervisor: Hypervisor, source: str) -> Program:
    context = BuildContext(
        hypervisor=hypervisor,
        home=Home(),
        toolchains=InstalledToolchains(),
        limits=Config().limits,
        cache=hypervisor.cache,
    )
    cell = Cell(source, "c", Options(flags=FLAGS), label="bench.c")
    program = await LANGUAGE.build(cell, context)
    assert program.wasm is not None
    return program


async def run_in_vm(hypervisor: Hypervisor, program: Program) -> tuple[float, bytes]:
    """Milliseconds from "we want a VM" to the program's end and all of its output."""
    collector = Collector()
    with Clock() as clock:
        vm = await hypervisor.acquire()
        await run_program(vm, program, home=None, limits=Limits(), on_event=collector)
    vm.close()
    return clock.ms, bytes(collector.streams["stdout"])


async def hello_rows(rounds: int) -> list[Row]:
    async with Hypervisor(parked=2) as parked, Hypervisor(parked=0) as bare:
        program = await build(parked, programs.HELLO)
        assert program.wasm is not None
        with tempfile.TemporaryDirectory() as work, SmallestVM() as smallest:
            peer = native.InProcess(program.wasm, Path(work))

            async def ours_parked() -> float:
                await parked.filled()
                took, output = await run_in_vm(parked, program)
                assert output == b"hello\n", output
                return took

            async def ours_fresh() -> float:
                took, output = await run_in_vm(bare, program)
                assert output == b"hello\n", output
                return took

            async def in_process() -> float:
                took, output = peer.run()
                assert output == b"hello\n", output
                return took

            async def floor_fresh() -> float:
                with Clock() as clock:
                    made = SmallestVM()
                made.__exit__()
                return clock.ms

            async def floor_parked() -> float:
                with Clock() as clock:
                    smallest.again()
                return clock.ms

            found = await alternate(
                {
                    "parked VM": ours_parked,
                    "fresh VM": ours_fresh,
                    "wasmtime in this process, fresh store": in_process,
                    "smallest VM: make, first exit": floor_fresh,
                    "smallest VM: one exit": floor_parked,
                },
                rounds=rounds,
            )
    parked_series, fresh_series, peer_series, floor_made, floor_exit = found.values()
    return [
        Row("C hello, parked VM", parked_series, peer_series, floor_exit, aim_ratio=1.0),
        Row("C hello, fresh VM", fresh_series, peer_series, floor_made),
    ]


async def compute_rows(rounds: int) -> list[Row]:
    async with Hypervisor() as hypervisor:
        program = await build(hypervisor, programs.COMPUTE)
        assert program.wasm is not None
        with tempfile.TemporaryDirectory() as work:
            peer = native.InProcess(program.wasm, Path(work))

            async def ours() -> float:
                await hypervisor.filled()
                return float((await run_in_vm(hypervisor, program))[1])

            async def in_process() -> float:
                return float(peer.run()[1])

            sides = {"in a VM": ours, "wasmtime in this process": in_process}
            if native.gcc_found():
                target = native.gcc_build(programs.COMPUTE, Path(work), "-O2")

                async def by_gcc() -> float:
                    return float(native.gcc_run(target))

                sides["gcc -O2, native"] = by_gcc
            found = await alternate(sides, rounds=rounds, warm_up=1)
    ours_series, peer_series, *floors = found.values()
    floor = floors[0] if floors else None
    return [Row("sieve, matrices, recursion (-O2)", ours_series, peer_series, floor, aim_ratio=1.1)]
