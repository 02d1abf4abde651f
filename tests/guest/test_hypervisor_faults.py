"""The nth system call of the kernel process fails, for every n: a typed error, nothing stays."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import gc
import os
import socket
from collections import Counter
from collections.abc import Callable

import pytest
import wasm_programs as p
from hypervisor_fixtures import cache_fixture, hypervisor_fixture  # noqa: F401 (fixtures)

from hypercell.vmm import Hypervisor, Layer
from hypercell.vmm.errors import HypercellError

PLACES = {
    "memfd_create": (os, "memfd_create", (errno.EMFILE, errno.ENOMEM)),
    "pwrite": (os, "pwrite", (errno.ENOSPC, errno.EIO)),
    "pread": (os, "pread", (errno.EIO,)),
    "fcntl": (fcntl, "fcntl", (errno.EBUSY,)),
    "socketpair": (socket, "socketpair", (errno.EMFILE, errno.ENOMEM)),
}


class FailAt:
    """Lets the nth call of this thread fail, and counts the calls."""

    def __init__(self, real: Callable[..., object], nth: int, code: int) -> None:
        self._real = real
        self._nth = nth
        self._code = code
        self.calls = 0

    def __call__(self, *args: object, **options: object) -> object:
        self.calls += 1
        if self.calls == self._nth:
            raise OSError(self._code, os.strerror(self._code))
        return self._real(*args, **options)


async def cell(hypervisor: Hypervisor, number: int) -> None:
    """Compile something new, run it with a layer in a new VM, take its /home."""
    wat = f'{p.hello().rstrip()[:-1]} (func (export "f{number}")))'
    code = await hypervisor.compile(wat)
    out = bytearray()
    async with await hypervisor.acquire() as vm:
        await vm.run(
            p.program(),
            code=[code],
            layers=[Layer.from_bytes(b"x" * number)],
            on_output=lambda _, data: out.extend(data),
        )
        await vm.export_home()
    assert bytes(out) == b"hello\n"


async def settled(hypervisor: Hypervisor) -> Counter[str]:
    """Descriptors by kind, but for compiled code, which is kept, and children, which vary."""
    gc.collect()
    await hypervisor.filled()
    await asyncio.sleep(0.05)
    found: Counter[str] = Counter()
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found[os.readlink(f"/proc/self/fd/{fd}").split(":[")[0]] += 1
    processes = hypervisor.processes()
    children = len(processes["workers"]) + len(processes["compiles"])
    found["socket"] -= children
    found["anon_inode"] -= children
    return Counter({k: n for k, n in found.items() if "hypercell-code" not in k})


@pytest.mark.parametrize("place", PLACES)
async def test_any_call_may_fail(
    hypervisor: Hypervisor, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    module, name, codes = PLACES[place]
    real = getattr(module, name)
    number = 1 + 1000 * list(PLACES).index(place)
    await cell(hypervisor, number)
    before = await settled(hypervisor)
    for code in codes:
        for nth in range(1, 200):
            number += 1
            counter = FailAt(real, nth, code)
            with monkeypatch.context() as patch:
                patch.setattr(module, name, counter)
                async with asyncio.timeout(20):
                    with contextlib.suppress(HypercellError):  # some failures have another way
                        await cell(hypervisor, number)
            if counter.calls < nth:
                break
        else:
            pytest.fail("the calls never end")
        await cell(hypervisor, number + 500)
    assert await settled(hypervisor) == before
