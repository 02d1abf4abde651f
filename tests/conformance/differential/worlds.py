"""The two worlds that run the same calls: our guest in a VM, and Wasmtime's own WASI in-process."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import wasmtime
from guest_vm import GuestVm, i32, i64
from wasi_calls import MODULE, functions, handing_on

from differential.steps import BUFFER, BUFFER_SIZE, OUT, OUT_SIZE, TRAP, Laid
from hypercell.vmm import abi
from hypercell.vmm.commands import (
    Export,
    Instantiate,
    Invoke,
    Load,
    MemoryRead,
    MemoryWrite,
    Mount,
    Ok,
    Quota,
    Trapped,
    Wasi,
)

QUOTA: Final = 1 << 20  # bytes and files in our /home


@dataclass(frozen=True)
class Outcome:
    """What a call gave: an error number or ``TRAP``, and the two areas it may have written."""

    errno: int
    out: bytes
    buffer: bytes


class World(Protocol):
    """A program's WASI, with one preopened directory, empty at the start."""

    slots: dict[int, int]

    def call(self, name: str, laid: Laid) -> Outcome: ...

    def tree(self) -> dict[str, tuple[object, ...]]: ...


def parent_vm(kvm_fd: int) -> GuestVm:
    """A VM from which each sequence forks its own."""
    vm = GuestVm(kvm_fd)
    loaded = vm.run(Load(vm.map_code(handing_on())))
    assert isinstance(loaded, Ok), loaded
    return vm


class Ours:
    """A fork of ``parent``."""

    def __init__(self, kvm_fd: int, parent: GuestVm) -> None:
        self._vm = GuestVm(kvm_fd, parent=parent)
        made = self._vm.run(
            Quota(QUOTA, 4096, QUOTA, 4096),
            Mount("/home", None, abi.MOUNT_HOME),
            Wasi(preopens=("/home::.",)),
            Instantiate(0),
        )
        assert isinstance(made, Ok), made
        self.slots = {0: 3}

    def call(self, name: str, laid: Laid) -> Outcome:
        types = functions()[name]
        arguments = tuple(
            i32(n) if kind == "i32" else i64(n) for kind, n in zip(types, laid.numbers, strict=True)
        )
        replies = self._vm.send(
            *(MemoryWrite(0, "memory", at, data) for at, data in laid.writes if data),
            Invoke(0, name, arguments),
        )
        assert isinstance(replies, list)
        last = replies[-1]
        assert isinstance(last, Ok | Trapped), last
        areas = self._vm.send(
            MemoryRead(0, "memory", OUT, OUT_SIZE),
            MemoryRead(0, "memory", BUFFER, BUFFER_SIZE),
        )
        assert isinstance(areas, list)
        out, buffer = (area.data for area in areas if isinstance(area, Ok))
        return Outcome(last.values[0].bits if isinstance(last, Ok) else TRAP, out, buffer)

    def tree(self) -> dict[str, tuple[object, ...]]:
        data, more = b"", 1
        while more:
            piece = self._vm.run(Export())
            assert isinstance(piece, Ok), piece
            data, more = data + piece.data, piece.size
        found: dict[str, tuple[object, ...]] = {}
        if not data:
            return found
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                name = member.name.rstrip("/")
                if member.isdir():
                    found[name] = ("directory",)
                elif member.issym():
                    found[name] = ("symlink", member.linkname)
                elif member.islnk():
                    found[name] = found[member.linkname]
                else:
                    held = tar.extractfile(member)
                    assert held is not None
                    found[name] = ("file", held.read())
        return found

    def close(self) -> None:
        self._vm.close()


@cache
def _module() -> tuple[wasmtime.Engine, wasmtime.Module]:
    engine = wasmtime.Engine()
    return engine, wasmtime.Module(engine, handing_on())


@dataclass
class Theirs:
    """Wasmtime, over an empty directory of the host."""

    directory: Path
    slots: dict[int, int] = field(default_factory=lambda: {0: 3})

    def __post_init__(self) -> None:
        engine, module = _module()
        self._store = wasmtime.Store(engine)
        config = wasmtime.WasiConfig()
        config.preopen_dir(str(self.directory), ".")
        self._store.set_wasi(config)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        memory = self._exports["memory"]
        assert isinstance(memory, wasmtime.Memory), f"no memory in {MODULE}"
        self._memory = memory

    def call(self, name: str, laid: Laid) -> Outcome:
        for at, data in laid.writes:
            self._memory.write(self._store, data, at)
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        signed = (
            n - (1 << bits) if n >= 1 << (bits - 1) else n
            for n, bits in zip(
                laid.numbers, (int(kind[1:]) for kind in functions()[name]), strict=True
            )
        )
        try:
            errno = function(self._store, *signed)
        except (wasmtime.Trap, wasmtime.WasmtimeError):
            errno = TRAP
        out = bytes(self._memory.read(self._store, OUT, OUT + OUT_SIZE))
        buffer = bytes(self._memory.read(self._store, BUFFER, BUFFER + BUFFER_SIZE))
        return Outcome(errno, out, buffer)

    def tree(self) -> dict[str, tuple[object, ...]]:
        found: dict[str, tuple[object, ...]] = {}
        for folder, directories, files in os.walk(os.fsencode(self.directory)):
            for each in (*directories, *files):
                path = os.path.join(folder, each)
                name = os.path.relpath(path, os.fsencode(self.directory)).decode()
                mode = os.lstat(path).st_mode
                if stat.S_ISDIR(mode):
                    found[name] = ("directory",)
                elif stat.S_ISLNK(mode):
                    found[name] = ("symlink", os.readlink(path).decode())
                else:
                    os.chmod(path, 0o600)
                    with open(path, "rb") as held:
                        found[name] = ("file", held.read())
        return found
