"""The image in a VM of this process: commands in, typed replies out. No zygote, no worker."""

from __future__ import annotations

import os
import time
from functools import cache

import wasmtime
import wasmtime.component

from hypercell.vmm import codec, engine_config, memfd
from hypercell.vmm.commands import Command, Instantiate, Invoke, Load, Ok, Reply, Wasi
from hypercell.vmm.image import GuestImage
from hypercell.vmm.image_path import image_path
from hypercell.vmm.machine import Machine
from hypercell.vmm.outcome import ValType, Value
from hypercell.vmm.program import MIB
from hypercell.vmm.run_loop import Deferred
from hypercell.vmm.snapshot import Snapshot


@cache
def image() -> GuestImage:
    return GuestImage.load(image_path())


@cache
def _engine() -> wasmtime.Engine:
    return engine_config.engine()


@cache
def compiled(wasm: str | bytes) -> bytes:
    return bytes(wasmtime.Module(_engine(), wasm).serialize())


@cache
def compiled_component(wasm: str | bytes) -> bytes:
    return bytes(wasmtime.component.Component(_engine(), wasm).serialize())


class RecordingHost:
    """Keeps what the guest wrote; answers what it asks."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.shown = bytearray()
        self.input: list[bytes] = []
        self.slept = 0
        self.deadline = time.monotonic() + 240

    def output(self, stream: int, data: bytes) -> None:
        if stream == 1:
            self.stdout += data
        elif stream == 2:
            self.stderr += data
        else:
            self.shown += data

    def tick(self) -> None:
        if time.monotonic() > self.deadline:
            raise TimeoutError("the guest runs for a minute")

    def stdin(self, limit: int) -> bytes:
        return self.input.pop(0)[:limit] if self.input else b""

    def sleep(self, nanoseconds: int) -> None:
        self.slept += nanoseconds


class GuestVm:
    """One VM. Modules and instances are numbered in order."""

    def __init__(
        self, kvm_fd: int, *, memory: int = 512 * MIB, parent: GuestVm | None = None
    ) -> None:
        """Boot a VM, or fork one from where ``parent`` stands, which must stay open."""
        self.host = RecordingHost()
        self.code: list[tuple[int, int]] = list(parent.code) if parent else []
        self.layers: list[tuple[int, int]] = list(parent.layers) if parent else []
        self._code_files: list[int] = []
        self._layer_files: list[int] = []
        self._snapshot: Snapshot | None = None
        if parent is None:
            self.machine = Machine.boot(kvm_fd, image(), limits_memory=memory)
            assert self.machine.start(self.host) == b""
        else:
            if parent._snapshot is None:
                parent._snapshot = parent.machine.snapshot()
            self.machine = Machine.fork(
                kvm_fd,
                parent._snapshot,
                limits_memory=memory,
                code=parent._code_files,
                layers=parent._layer_files,
            )

    def close(self) -> None:
        self.machine.close()
        for fd in self._code_files + self._layer_files:
            os.close(fd)
        if self._snapshot is not None:
            self._snapshot.close()

    def map_code(self, wasm: str | bytes) -> int:
        """Compile a module and map it; its index for ``Load``."""
        return self.map_raw_code(compiled(wasm))

    def map_component(self, wasm: str | bytes) -> int:
        """Compile a component and map it; its index for ``Load``."""
        return self.map_raw_code(compiled_component(wasm))

    def map_raw_code(self, data: bytes) -> int:
        """Map a ``.cwasm``, which may be forged."""
        fd = memfd.of_bytes(data, "code")
        self._code_files.append(fd)
        self.code.append(self.machine.map_code(fd, len(data)))
        return len(self.code) - 1

    def map_layer(self, data: bytes) -> int:
        fd = memfd.of_bytes(data, "layer")
        self._layer_files.append(fd)
        self.layers.append(self.machine.map_layer(fd, len(data)))
        return len(self.layers) - 1

    def send(self, *commands: Command) -> list[Reply] | Deferred:
        """Run one batch."""
        reply = self.machine.run(codec.encode(commands, self.code, self.layers), self.host)
        return reply if isinstance(reply, Deferred) else codec.decode(commands, reply)

    def run(self, *commands: Command) -> Reply:
        """Run one batch; the last reply."""
        replies = self.send(*commands)
        assert not isinstance(replies, Deferred)
        return replies[-1]

    def instantiate(self, wasm: str | bytes, name: str = "") -> int:
        """Load and instantiate a module; the instance."""
        loaded = self.run(Load(self.map_code(wasm)))
        assert isinstance(loaded, Ok), loaded
        made = self.run(Instantiate(loaded.number, name))
        assert isinstance(made, Ok), made
        return made.number

    def component(self, wasm: str | bytes) -> int:
        """Load and instantiate a component, with a WASI world; the instance."""
        loaded = self.run(Load(self.map_component(wasm), component=True))
        assert isinstance(loaded, Ok), loaded
        made = self.run(Wasi(), Instantiate(loaded.number))
        assert isinstance(made, Ok), made
        return made.number

    def call(self, instance: int, export: str, *args: Value) -> Reply:
        return self.run(Invoke(instance, export, args))

    def values(self, instance: int, export: str, *args: Value) -> list[int]:
        """The bits of the results."""
        reply = self.call(instance, export, *args)
        assert isinstance(reply, Ok), reply
        return [value.bits for value in reply.values]


def i32(value: int) -> Value:
    return Value(ValType.I32, value & 0xFFFF_FFFF)


def i64(value: int) -> Value:
    return Value(ValType.I64, value & 0xFFFF_FFFF_FFFF_FFFF)
