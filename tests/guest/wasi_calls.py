"""A module that hands every WASI function on, so that a test can call them one by one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from guest_vm import GuestVm, i32, i64

from hypercell.vmm.commands import Command, Invoke, MemoryRead, MemoryWrite, Ok, Reply, Wasi

_LIST = Path(__file__).parents[2] / "guest" / "wasi" / "src" / "functions.rs"
MODULE = "wasi_snapshot_preview1"


@cache
def functions() -> dict[str, tuple[str, ...]]:
    """All 46 functions with the Wasm types of their parameters."""
    text = _LIST.read_text().split("$each! {")[1].split("}")[0]
    found = {
        name: tuple("i64" if "u64" in a else "i32" for a in arguments.split(",") if a.strip())
        for name, arguments in re.findall(r"(\w+)\(([^)]*)\);", text)
    }
    return found | {"proc_exit": ("i32",)}


@cache
def handing_on(memory: str = '(memory (export "memory") 4)') -> str:
    """The module's text."""
    imports, wrappers = "", ""
    for name, params in functions().items():
        types = f"(param {' '.join(params)})" if params else ""
        result = "" if name == "proc_exit" else "(result i32)"
        imports += f'(import "{MODULE}" "{name}" (func ${name} {types} {result}))\n'
        given = "".join(f"(local.get {n})" for n in range(len(params)))
        wrappers += f'(func (export "{name}") {types} {result} (call ${name} {given}))\n'
    return f"(module $calls {imports} {memory} {wrappers})"


class WasiCalls:
    """An instance of that module."""

    def __init__(self, vm: GuestVm, world: Wasi, *before: Command, memory: str = "") -> None:
        self.vm = vm
        for reply in vm.send(*before, world):
            assert isinstance(reply, Ok), reply
        self.instance = vm.instantiate(handing_on(memory) if memory else handing_on())

    def invoke(self, name: str, *args: int) -> Invoke:
        types = functions()[name]
        values = (i32(a) if t == "i32" else i64(a) for t, a in zip(types, args, strict=True))
        return Invoke(self.instance, name, tuple(values))

    def call(self, name: str, *args: int) -> Reply:
        return self.vm.run(self.invoke(name, *args))

    def errno(self, name: str, *args: int) -> int:
        reply = self.call(name, *args)
        assert isinstance(reply, Ok), reply
        return reply.values[0].bits

    def put(self, offset: int, data: bytes) -> None:
        reply = self.vm.run(MemoryWrite(self.instance, "memory", offset, data))
        assert isinstance(reply, Ok), reply

    def get(self, offset: int, length: int) -> bytes:
        reply = self.vm.run(MemoryRead(self.instance, "memory", offset, length))
        assert isinstance(reply, Ok), reply
        return reply.data

    def number(self, offset: int, size: int = 4) -> int:
        return int.from_bytes(self.get(offset, size), "little")

    def iovec(self, at: int, *pieces: tuple[int, int]) -> None:
        self.put(at, b"".join(a.to_bytes(4, "little") + n.to_bytes(4, "little") for a, n in pieces))

    def write(self, fd: int, data: bytes) -> int:
        self.put(0x1000, data)
        self.iovec(0x100, (0x1000, len(data)))
        return self.errno("fd_write", fd, 0x100, 1, 0x110)

    def read(self, fd: int, length: int) -> bytes:
        self.iovec(0x100, (0x1000, length))
        assert self.errno("fd_read", fd, 0x100, 1, 0x110) == 0
        return self.get(0x1000, self.number(0x110))

    def open(self, directory: int, path: str, oflags: int = 0, rights: int = (1 << 30) - 1) -> int:
        """A descriptor, or minus the error number."""
        self.put(0x200, path.encode())
        size = len(path.encode())
        error = self.errno("path_open", directory, 1, 0x200, size, oflags, rights, rights, 0, 0x110)
        return -error if error else self.number(0x110)
