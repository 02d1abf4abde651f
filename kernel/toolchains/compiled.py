"""The compiler's own compilation: Wasm to machine code, once, kept in the code cache."""

from __future__ import annotations

from hypercell.vmm.cache import Cache
from hypercell.vmm.code_cache import Code, CodeCache
from hypercell.vmm.compiler_client import CompileLimits, CompilerClient
from hypercell.vmm.engine_config import FINGERPRINT
from hypercell.vmm.fork_client import ForkServer
from hypercell.vmm.program import MIB

# clang: 45 s and 2.1 GB on two cores.
LIMITS = CompileLimits(seconds=1800.0, memory=8192 * MIB, wasm=256 * MIB, output=1024 * MIB)
ENGINE = FINGERPRINT


async def compile_once(wasm: bytes) -> str:
    """Compile into the code cache without a hypervisor; the key."""
    server = ForkServer("hypercell.vmm.compiler")
    disk = Cache()
    await server.start()
    try:
        code: Code = await CodeCache(disk, CompilerClient(server)).get(wasm, LIMITS)
        return code.key
    finally:
        disk.close()
        await server.close()


def is_there(key: str) -> bool:
    """Whether the code cache has an entry; its bytes are checked when it is used."""
    disk = Cache()
    try:
        return disk.has("code", key)
    finally:
        disk.close()
