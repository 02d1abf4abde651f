"""Machine code of a toolchain that the cache has dropped is made again, with progress."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from hypercell.kernel.config import Config
from hypercell.kernel.errors import ToolchainDamaged
from hypercell.kernel.session import Session
from hypercell.kernel.toolchains import api, compiled
from hypercell.kernel.toolchains.store import (
    WASM,
    FileMark,
    Manifest,
    ToolchainStore,
    hash_file,
    write_manifest,
)


async def test_it_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERCELL_TOOLCHAINS", str(tmp_path / "toolchains"))
    monkeypatch.setenv("HYPERCELL_CACHE", str(tmp_path / "cache"))
    path = ToolchainStore().path("c")
    path.mkdir(parents=True)
    (path / WASM).write_bytes(wasmtime.wat2wasm('(module (func (export "f")))'))
    mark = FileMark((path / WASM).stat().st_size, hash_file(path / WASM))
    write_manifest(path, Manifest({WASM: mark}, "an older Wasmtime", "0" * 40))
    told: list[str] = []
    for engine in ("older", "dropped"):
        assert api.status("c").state == "uncompiled", engine
        async with Session(Config()) as session:
            hypervisor = await session.hypervisor()
            await compiled.load(hypervisor, path, "c", told.append)
            assert api.status("c").state == "installed"
            await compiled.load(hypervisor, path, "c", told.append)
            hypervisor.cache.drop("code", ToolchainStore().manifest("c").code)
    assert told == ["compiling c to machine code again (up to a minute)"] * 2

    (path / WASM).write_bytes(bytes(mark.size))
    async with Session(Config()) as session:
        with pytest.raises(ToolchainDamaged, match="has changed"):
            await compiled.load(await session.hypervisor(), path, "c", told.append)
