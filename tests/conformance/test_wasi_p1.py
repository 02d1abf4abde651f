"""The official WASI 0.1 programs, each in a fresh VM, with the directory it wants as ``/``."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from suites import unpacked

from hypercell.vmm import abi
from hypercell.vmm.cache import Cache
from hypercell.vmm.commands import Exited, Instantiate, Invoke, Load, Mount, Ok, Wasi
from hypercell.vmm.hypervisor import Hypervisor
from hypercell.vmm.layer import Layer

PROGRAMS = 48


def _programs() -> list[Path]:
    return sorted(unpacked("wasi-testsuite-p1", PROGRAMS).glob("*/*.wasm"))


def _root(directory: Path) -> bytes:
    """The directory's contents as a tar, the same each time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in sorted(directory.rglob("*")):
            tar.add(path, str(path.relative_to(directory)), recursive=False)
    return out.getvalue()


def _read(program: Path) -> tuple[bytes, dict[str, Any]]:
    """The module, and what its side file says."""
    side = program.with_suffix(".json")
    return program.read_bytes(), json.loads(side.read_text()) if side.exists() else {}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="hypervisor")
async def hypervisor_fixture(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Hypervisor]:
    made = Hypervisor(cache=Cache(tmp_path_factory.mktemp("cache")))
    await made.start()
    yield made
    await made.close()


def test_every_program_is_there() -> None:
    assert len(_programs()) == PROGRAMS


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("program", _programs(), ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_program(program: Path, hypervisor: Hypervisor) -> None:
    module, wanted = _read(program)
    root = wanted.get("root")
    code = await hypervisor.compile(module)
    streams = {abi.STDOUT: b"", abi.STDERR: b""}

    def on_output(stream: int, data: bytes) -> None:
        streams[stream] += data

    world = Wasi(
        args=(program.name, *wanted.get("args", ())),
        env=tuple(wanted.get("env", {}).items()),
        preopens=("/",) if root else (),
    )
    async with await hypervisor.acquire() as vm:
        replies = await vm.run(
            [
                *([Mount("/", 0, abi.MOUNT_HOME)] if root else []),
                Load(0),
                world,
                Instantiate(0),
                Invoke(0, "_start"),
            ],
            code=[code],
            layers=[Layer.from_bytes(_root(program.parent / root))] if root else [],
            on_output=on_output,
        )
    last = replies[-1]
    assert isinstance(last, Ok | Exited), f"{last}\n{streams[abi.STDERR].decode()}"
    code_given = last.code if isinstance(last, Exited) else 0
    assert code_given == wanted.get("exit_code", 0), streams[abi.STDERR].decode()
    if "stdout" in wanted:
        assert streams[abi.STDOUT].decode() == wanted["stdout"]
