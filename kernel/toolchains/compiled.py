"""The compiler's own compilation: Wasm to machine code, once, kept in the code cache."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from hypercell.kernel.toolchains.store import (
    WASM,
    Manifest,
    damaged,
    read_manifest,
    write_manifest,
)
from hypercell.vmm.cache import Cache
from hypercell.vmm.code_cache import Code, CodeCache
from hypercell.vmm.compiler_client import CompileLimits, CompilerClient
from hypercell.vmm.engine_config import FINGERPRINT
from hypercell.vmm.fork_client import ForkServer
from hypercell.vmm.program import MIB

if TYPE_CHECKING:
    from hypercell.vmm.hypervisor import Hypervisor

# clang: 45 s and 2.1 GB on two cores.
LIMITS = CompileLimits(seconds=1800.0, memory=8192 * MIB, wasm=256 * MIB, output=1024 * MIB)
ENGINE = FINGERPRINT


async def load(
    hypervisor: Hypervisor, path: Path, name: str, progress: Callable[[str], None]
) -> Code:
    """The machine code of the toolchain in ``path``.

    If the cache has dropped it, or it was made for another Wasmtime, it is made again from the
    installed Wasm, whose bytes are compared first. ToolchainDamaged.
    """
    if (key := code_key(path, name)) and (found := await hypervisor.compiled(key)) is not None:
        return found
    manifest = read_manifest(path, name)
    wasm = await asyncio.to_thread((path / WASM).read_bytes)
    if await asyncio.to_thread(_hash, wasm) != manifest.files[WASM].blake2b:
        raise damaged(name, f"{WASM} has changed")
    progress(f"compiling {name} to machine code again (up to a minute)")
    code = await hypervisor.compile(wasm, limits=LIMITS)
    with contextlib.suppress(OSError):  # then it is compiled once more another day
        write_manifest(path, Manifest(manifest.files, ENGINE, code.key))
    return code


def code_key(path: Path, name: str) -> str:
    """The key of the machine code; "" if it was made for another Wasmtime. ToolchainDamaged."""
    manifest = read_manifest(path, name)
    return manifest.code if manifest.engine == ENGINE and manifest.code.isalnum() else ""


async def compile_once(wasm: bytes, may_miss: Collection[str]) -> str:
    """Compile into the code cache without a hypervisor; the key. ``may_miss``: as there."""
    server = ForkServer("hypercell.vmm.compiler", may_miss)
    disk = Cache()
    try:
        await server.start()
        code: Code = await CodeCache(disk, CompilerClient(server)).get(wasm, LIMITS)
        return code.key
    finally:
        disk.close()
        await server.close()


def is_there(key: str) -> bool:
    """Whether the code cache has an entry; its bytes are checked when it is used."""
    if not key:
        return False
    disk = Cache()
    try:
        return disk.has("code", key)
    finally:
        disk.close()


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()
