"""Micro-VMs for programs that know nothing of asyncio: ``with MicroVM() as vm: …``."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar

import msgspec

from hypercell.vmm import abi
from hypercell.vmm.code_cache import Code
from hypercell.vmm.commands import (
    Call,
    Command,
    Exited,
    Failed,
    Instantiate,
    Invoke,
    Load,
    Mount,
    Ok,
    Quota,
    Reply,
    Trapped,
    Wasi,
    start,
)
from hypercell.vmm.compiler_client import CompileLimits
from hypercell.vmm.errors import (
    Closed,
    HypercellError,
    InvokeError,
    LimitExceeded,
    LinkError,
    Trap,
)
from hypercell.vmm.host_calls import told
from hypercell.vmm.hypervisor import Hypervisor
from hypercell.vmm.layer import Layer
from hypercell.vmm.outcome import Usage
from hypercell.vmm.program import Limits
from hypercell.vmm.typed_values import PyValue, to_python, to_wasm
from hypercell.vmm.vm import Vm

T = TypeVar("T")


class Result(msgspec.Struct, frozen=True):
    """What a WASI program left. ``home``: a tar of what changed under /home, None if nothing."""

    stdout: bytes
    stderr: bytes
    exit_code: int
    home: bytes | None
    usage: Usage


class MicroVM:
    """One micro-VM with its own processes; for many, use a ``Hypervisor``.

    ``load`` and ``invoke`` work on one instance that keeps its state; ``run_wasi`` takes a fresh
    VM each time. ``may_miss``: as for a ``Hypervisor``. Safe to use from several threads, one call
    at a time.
    """

    def __init__(self, *, limits: Limits | None = None, may_miss: Collection[str] = ()) -> None:
        self._limits = limits or Limits()
        self._may_miss = may_miss
        with told("starting a micro-VM"):
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            self._thread.start()
        self._lock = threading.Lock()
        self._closed = False
        self._vm: Vm | None = None
        self._running: Vm | None = None
        self._code: Code | None = None
        try:
            self._hypervisor = self._wait(self._start())
        except BaseException:
            self._stop()
            raise

    def load(self, wasm: bytes | str, *, limits: CompileLimits | None = None) -> None:
        """Compile Wasm, or WAT given as ``str``, and instantiate it in a fresh VM.

        Raises ``ModuleError``, ``LinkError``, ``Trap`` (a start function), ``GuestError``.
        """
        self._call(self._load, wasm, limits)

    @property
    def exports(self) -> tuple[str, ...]:
        """Names of the loaded module's exports."""
        return tuple(export.name for export in self._code.exports) if self._code else ()

    def invoke(self, name: str, *values: PyValue) -> Any:
        """Call an export: integers (signed or unsigned), floats, v128 as an int or 16 bytes.

        Of a component, named ``interface#function``: strings. Returns None, one value, or a tuple.
        Raises ``InvokeError`` (also for the error of a ``result``), ``Trap``, ``TimedOut``.
        """
        return self._call(self._invoke, name, values)

    def run_wasi(
        self,
        wasm: bytes | str,
        *,
        args: Sequence[str] = ("program",),
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        preopens: Sequence[str] = ("/home", "/tmp"),  # noqa: S108 - paths inside the guest
        home: bytes = b"",
        limits: Limits | None = None,
    ) -> Result:
        """Run a WASI program to its end in a fresh VM. ``home``: a tar to begin ``/home`` with.

        A non-zero exit code is no error. Raises ``Trap``, ``LinkError``, ``TimedOut``, ….
        """
        return self._call(
            self._run_wasi, wasm, args, env or {}, stdin, preopens, home, limits or self._limits
        )

    def cancel(self) -> None:
        """From another thread: end the call that is going on; it raises ``Interrupted``."""
        vm = self._running
        if vm is not None and not self._closed:
            with contextlib.suppress(RuntimeError):
                asyncio.run_coroutine_threadsafe(vm.cancel(), self._loop)

    def close(self) -> None:
        """End its processes. Calling it again does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._wait(self._end())
                self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- on the loop --------------------------------------------------------------------------

    async def _start(self) -> Hypervisor:
        hypervisor = Hypervisor(parked=1, may_miss=self._may_miss)
        await hypervisor.start()
        return hypervisor

    async def _end(self) -> None:
        if self._vm is not None:
            self._vm.close()
        await self._hypervisor.close()

    async def _load(self, wasm: bytes | str, limits: CompileLimits | None) -> None:
        self._drop()
        code = await self._hypervisor.compile(wasm, limits=limits)
        self._vm = await self._hypervisor.acquire()
        self._code = code
        try:
            for reply in await self._run(
                self._vm,
                [Load(0, code.component), Wasi(), Instantiate(0)],
                code=[code],
                limits=self._limits,
            ):
                raise_unless_ok(reply)
        except BaseException:
            self._drop()
            raise

    async def _invoke(self, name: str, values: Sequence[PyValue]) -> Any:
        if self._vm is None or self._code is None:
            raise InvokeError("no module is loaded", hint="call load() first")
        if self._code.component:
            return await self._call_component(self._vm, name, values)
        export = next((export for export in self._code.exports if export.name == name), None)
        if export is None:
            known = ", ".join(self.exports) or "none"
            raise InvokeError(f"the module exports no {name!r}; its exports: {known}")
        ok = await self._one(self._vm, Invoke(0, name, to_wasm(export, values)))
        results = tuple(to_python(value) for value in ok.values)
        return results if len(results) > 1 else results[0] if results else None

    async def _call_component(self, vm: Vm, name: str, values: Sequence[object]) -> str:
        texts = tuple(value for value in values if isinstance(value, str))
        if len(texts) != len(values):
            raise InvokeError("a component is called with strings", hint="give str arguments")
        ok = await self._one(vm, Call(0, name, texts))
        if not ok.number:
            raise InvokeError(f"{name} answered with an error: {ok.text}")
        return ok.text

    async def _one(self, vm: Vm, command: Command) -> Ok:
        try:
            return raise_unless_ok((await self._run(vm, [command], limits=self._limits))[-1])
        except (InvokeError, Trap, LinkError, LimitExceeded):
            raise
        except HypercellError:
            self._drop()
            raise

    async def _run_wasi(
        self,
        wasm: bytes | str,
        args: Sequence[str],
        env: Mapping[str, str],
        stdin: bytes,
        preopens: Sequence[str],
        home: bytes,
        limits: Limits,
    ) -> Result:
        code = await self._hypervisor.compile(wasm)
        streams = {abi.STDOUT: bytearray(), abi.STDERR: bytearray()}
        remaining = bytearray(stdin)

        async def read(limit: int) -> bytes:
            piece = bytes(remaining[:limit])
            del remaining[:limit]
            return piece

        commands: list[Command] = [
            Quota(limits.home_bytes, limits.home_files, limits.tmp_bytes, limits.tmp_files),
            Mount("/home", 0 if home else None, abi.MOUNT_HOME),
            Mount("/tmp", None, abi.MOUNT_TMP),  # noqa: S108
            Load(0, code.component),
            Wasi(tuple(args), tuple(env.items()), tuple(preopens), stdin=bool(stdin)),
            Instantiate(0),
            start(component=code.component),
        ]
        async with await self._hypervisor.acquire() as vm:
            replies = await self._run(
                vm,
                commands,
                code=[code],
                layers=[Layer.from_bytes(home)] if home else [],
                limits=limits,
                on_output=lambda stream, data: streams[stream].extend(data),
                on_stdin=read if stdin else None,
            )
            last = replies[-1]
            exit_code = last.code if isinstance(last, Exited) else 0
            if not isinstance(last, Exited):
                raise_unless_ok(last)
            usage = vm.usage
            changed = await vm.export_home()
        out, err = (bytes(streams[stream]) for stream in (abi.STDOUT, abi.STDERR))
        return Result(out, err, exit_code, changed, usage)

    async def _run(self, vm: Vm, commands: Sequence[Command], **options: Any) -> list[Reply]:
        self._running = vm
        try:
            return await vm.run(commands, **options)
        finally:
            self._running = None

    def _drop(self) -> None:
        if self._vm is not None:
            self._vm.close()
        self._vm = self._code = None

    # --- from other threads -------------------------------------------------------------------

    def _call(self, method: Callable[..., Coroutine[Any, Any, T]], *given: Any) -> T:
        with self._lock:
            if self._closed:
                raise Closed("the micro-VM is closed")
            return self._wait(method(*given))

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            self.cancel()
            raise

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def raise_unless_ok(reply: Reply) -> Ok:
    """Turn a reply that is no success into the error it means."""
    if isinstance(reply, Ok):
        return reply
    if isinstance(reply, Trapped):
        raise Trap(reply.message, code=reply.code, frames=reply.frames)
    if isinstance(reply, Failed):
        kinds: dict[int, type[HypercellError]] = {
            abi.ST_LINK: LinkError,
            abi.ST_REFUSED: LimitExceeded,
        }
        raise kinds.get(reply.status, InvokeError)(reply.message)
    raise InvokeError(f"the program ended with exit code {reply.code}")
