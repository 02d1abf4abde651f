"""Compiled modules by content: in memory while they are hot, else on disk, else compiled."""

from __future__ import annotations

import asyncio
import os
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from hypercell.vmm import memfd
from hypercell.vmm.cache import Cache, digest
from hypercell.vmm.compiler_client import CompileLimits, CompilerClient
from hypercell.vmm.engine_config import FINGERPRINT
from hypercell.vmm.program import ExportType, ImportType

Result = TypeVar("Result")
_ROOM = "code"
HOT: Final = 64  # modules
_HOT_BYTES = 1 << 29
_BIG = 1 << 20  # from here on hashing and disk go to a thread


class Code:
    """A compiled module in a sealed memory file, ready for any number of VMs.

    ``key`` names its content; ``size`` bytes in ``fd``; ``wasm_size`` was the size of its
    source; ``component``: load it as one. It closes with its last reference.
    """

    __slots__ = (
        "__weakref__",
        "component",
        "exports",
        "fd",
        "imports",
        "key",
        "size",
        "wasm_size",
    )

    def __init__(self, key: str, fd: int, size: int, description: Description) -> None:
        self.key = key
        self.fd = fd
        self.size = size
        self.exports = description.exports
        self.imports = description.imports
        self.wasm_size = description.wasm_size
        self.component = description.component
        weakref.finalize(self, os.close, fd)


class Description(msgspec.Struct, frozen=True):
    """What is kept beside the code."""

    exports: tuple[ExportType, ...]
    imports: tuple[ImportType, ...]
    wasm_size: int
    component: bool = False


class CodeCache:
    """One per kernel process; the disk behind it is shared."""

    def __init__(self, disk: Cache, compiler: CompilerClient) -> None:
        self._disk = disk
        self._compiler = compiler
        self._hot: OrderedDict[str, Code] = OrderedDict()

    async def get(self, wasm: bytes | str, limits: CompileLimits) -> Code:
        """Find the module, or compile it within ``limits``. Raises ``ModuleError``."""
        data = wasm.encode("utf-8", "surrogateescape") if isinstance(wasm, str) else wasm
        kind = "wat" if isinstance(wasm, str) else "wasm"
        big = len(data) > _BIG
        key = await _maybe_threaded(big, digest, FINGERPRINT, kind, data)
        code = await self.find(key, big=big)
        if code is None:
            code = await self._compile(key, wasm, len(data), limits)
            self._keep(code)
        return code

    async def find(self, key: str, *, big: bool) -> Code | None:
        """A module that was compiled before, by its ``Code.key``; None if it is not kept."""
        code = self._hot.get(key)
        if code is None:
            code = await _maybe_threaded(big, self._from_disk, key)
        if code is not None:
            self._keep(code)
        return code

    def clear(self) -> None:
        """Let go of all modules in memory."""
        self._hot.clear()

    def _from_disk(self, key: str) -> Code | None:
        entry = self._disk.open(_ROOM, key)
        if entry is None:
            return None
        try:
            description = msgspec.msgpack.decode(entry.meta, type=Description)
        except (msgspec.DecodeError, UnicodeDecodeError):  # written by another version of ours
            os.close(entry.fd)
            self._disk.drop(_ROOM, key)
            return None
        return Code(key, entry.fd, entry.size, description)

    async def _compile(
        self, key: str, wasm: bytes | str, wasm_size: int, limits: CompileLimits
    ) -> Code:
        result = await self._compiler.compile(wasm, limits)
        made = result.description
        description = Description(made.exports, made.imports, wasm_size, made.component)
        code = Code(key, result.fd, result.size, description)
        await _maybe_threaded(result.size > _BIG, self._store, code, description)
        return code

    def _store(self, code: Code, description: Description) -> None:
        data = memfd.read(code.fd, code.size)
        self._disk.put(_ROOM, code.key, data, meta=msgspec.msgpack.encode(description))

    def _keep(self, code: Code) -> None:
        self._hot[code.key] = code
        self._hot.move_to_end(code.key)
        total = sum(kept.size for kept in self._hot.values())
        while len(self._hot) > 1 and (len(self._hot) > HOT or total > _HOT_BYTES):
            total -= self._hot.popitem(last=False)[1].size


async def _maybe_threaded(threaded: bool, call: Callable[..., Result], *given: Any) -> Result:
    if threaded:
        return await asyncio.to_thread(call, *given)
    return call(*given)
