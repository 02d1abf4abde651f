"""Each layer of the jail by itself, what its absence means, and the servers' own jails."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import refusals
from jailed import call

from hypercell.kernel import Session
from hypercell.kernel.config import Config
from hypercell.vmm import Hypervisor, filters, jail, landlock, libc, seccomp
from hypercell.vmm import commands as c
from hypercell.vmm.cache import Cache
from hypercell.vmm.errors import IsolationMissing, WorkerLost
from hypercell.vmm.isolation import LAYERS
from hypercell.vmm.program import Limits

NO_NEW_PRIVS = 38
ADD = "%%wat --invoke add 40 2\n" + (
    '(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))'
)
SPIN = '(module (func (export "_start") (loop br 0)))'


def in_child(work: Callable[[], object]) -> int:
    """Run in a fork; its exit code (0: True), or minus the signal."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            libc.prctl(NO_NEW_PRIVS, 1)
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def fails(code: int, work: Callable[[], object]) -> bool:
    try:
        work()
    except OSError as error:
        return error.errno == code
    return False


# --- landlock alone ---


def test_landlock_closes_files_tcp_and_signals(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    listener = socket.create_server(("127.0.0.1", 0))
    tester = os.getpid()

    def work() -> bool:
        landlock.restrict(landlock.ruleset())
        refused = [
            fails(errno.EACCES, lambda: os.open("/etc/passwd", os.O_RDONLY)),
            fails(errno.EACCES, lambda: os.open(tmp_path / "new", os.O_CREAT | os.O_WRONLY)),
            fails(errno.EACCES, lambda: os.unlink(tmp_path / "there")),
            fails(errno.EACCES, lambda: os.listdir(tmp_path)),
            fails(errno.EACCES, lambda: os.execv("/bin/true", ["true"])),  # noqa: S606
        ]
        if landlock.version() >= 4:
            refused.append(
                fails(errno.EACCES, lambda: socket.create_connection(listener.getsockname()))
            )
        if landlock.version() >= 6:
            refused.append(fails(errno.EPERM, lambda: os.kill(tester, signal.SIGCONT)))
        return all(refused)

    assert in_child(work) == 0
    assert (tmp_path / "there").exists()
    listener.close()


def test_landlock_adds_up_and_never_opens_again() -> None:
    def work() -> bool:
        landlock.restrict(landlock.ruleset())
        landlock.restrict(landlock.ruleset())
        return fails(errno.EACCES, lambda: os.open("/proc/self/status", os.O_RDONLY))

    assert in_child(work) == 0


# --- seccomp alone ---


def test_a_filter_decides_by_number_argument_and_bits() -> None:
    rules = (
        *seccomp.allow("exit_group", "write", "close"),
        seccomp.Rule("fcntl", argument=1, values=(1, 3)),
        seccomp.Rule("mmap", argument=2, bits=4),
        seccomp.refuse("getppid", errno.ENOANO),
    )

    def under(work: Callable[[], object]) -> int:
        def locked() -> object:
            seccomp.install(seccomp.program(rules))
            return work()

        return in_child(locked)

    assert under(lambda: call(72, 0, 1) >= 0) == 0
    assert under(lambda: call(72, 0, 3) >= 0) == 0
    assert under(lambda: call(72, 0, 2)) == -signal.SIGSYS
    assert under(lambda: call(9, 0, 4096, 3, 0x22, -1, 0) != -1) == 0
    assert under(lambda: call(9, 0, 4096, 4, 0x22, -1, 0)) == -signal.SIGSYS
    assert under(lambda: call(110) == -1) == 0
    assert under(lambda: call(39)) == -signal.SIGSYS


def test_a_filter_without_no_new_privs_is_an_error_and_no_filter() -> None:
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            seccomp.install(seccomp.program(filters.WORKER))
        except IsolationMissing as error:
            status = 0 if error.layer == "seccomp" else 71
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("kind", ["ZYGOTE", "COMPILER"])
def test_a_servers_list_contains_its_childrens(kind: str) -> None:
    pair: filters.Filters = getattr(filters, kind)
    names = {rule.name for rule in pair.server}
    assert {rule.name for rule in pair.child} <= names
    assert {rule.name for rule in pair.prepared} <= {rule.name for rule in pair.child}
    for rules in (pair.server, pair.child, pair.prepared):
        assert len({rule.name for rule in rules}) == len(rules)  # a second rule would never count


# --- the servers ---


@pytest.mark.parametrize("kind", ["ZYGOTE", "COMPILER"])
@pytest.mark.parametrize(
    ("number", "arguments"),
    [
        (59, (b"/bin/true\0", 0, 0)),
        (41, (2, 1, 0)),
        (42, (0, bytes(16), 16)),
        (101, (0, 0)),
        (425, (8, bytes(120))),
        (57, ()),
        (62, (1, 0)),
        (321, (0, bytes(64), 64)),
        (9, (0, 4096, 7, 0x22, -1, 0)),
        (272, (0x1000_0000,)),
        (165, (b"n\0", b"/tmp\0", b"tmpfs\0", 0, 0)),
    ],
)
def test_a_server_dies_of_it(kind: str, number: int, arguments: tuple[int | bytes, ...]) -> None:
    def work() -> object:
        jail.Jail(getattr(filters, kind))
        return call(number, *arguments)

    assert in_child(work) == -signal.SIGSYS


@pytest.mark.parametrize("kind", ["ZYGOTE", "COMPILER"])
def test_a_server_opens_nothing_but_proc(kind: str) -> None:
    def work() -> bool:
        jail.Jail(getattr(filters, kind))
        os.close(os.open("/proc/self/statm", os.O_RDONLY))
        return fails(errno.EACCES, lambda: os.open("/etc/passwd", os.O_RDONLY)) and fails(
            errno.EACCES, lambda: os.open("/dev/kvm", os.O_RDWR)
        )

    assert in_child(work) == 0


@pytest.mark.parametrize("kind", ["ZYGOTE", "COMPILER"])
def test_a_server_may_count_its_threads(kind: str) -> None:
    """As Python from 3.12 on does at each fork, by the C library."""

    def work() -> bool:
        library, text = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        library.fopen.restype = ctypes.c_void_p
        jail.Jail(getattr(filters, kind))
        file = ctypes.c_void_p(library.fopen(b"/proc/self/stat", b"r"))
        count = library.fread(text, 1, len(text), file)
        return count > 0 and library.fclose(file) == 0

    assert in_child(work) == 0


# --- a layer that is missing ---

REFUSING = (
    refusals.calls("sys.argv[1].split(',')")
    + """
import asyncio
allowed = tuple(filter(None, sys.argv[2].split(",")))
"""
)
CELL = """
from hypercell.kernel import Session
from hypercell.kernel.config import Config

async def main():
    async with Session(Config(allow_missing=allowed)) as session:
        result = await session.execute(sys.argv[3])
        print(result.error.__class__.__name__, result.error, getattr(result.error, "hint", ""))
        print(result.text, result.stderr.decode(), end="")

asyncio.run(main())
"""
INSTALLATION = """
from hypercell.kernel.toolchains import compiled
print(asyncio.run(compiled.compile_once(b"\\0asm\\1\\0\\0\\0", allowed)))
"""
CALL = {"landlock": "landlock_create_ruleset", "seccomp": "seccomp"}


def without(layers: str, allowed: str, body: str = CELL) -> str:
    """What a cell says in a container that refuses the system call of some layers."""
    calls = ",".join(CALL[layer] for layer in layers.split(","))
    done = subprocess.run(
        [sys.executable, "-c", REFUSING + body, calls, allowed, ADD],
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.parametrize("layer", LAYERS)
def test_a_missing_layer_is_refused(layer: str) -> None:
    said = without(layer, "")
    assert said.startswith("IsolationMissing")
    assert f"layer {layer}" in said
    assert f'allow_missing = ["{layer}"]' in said
    assert "42" not in said


@pytest.mark.parametrize("layer", LAYERS)
def test_a_missing_layer_that_the_owner_allows_shows_in_every_cell(layer: str) -> None:
    said = without(layer, layer)
    assert "42" in said
    assert f"hypercell: weaker isolation, without {layer}\n" in said


@pytest.mark.parametrize("layer", LAYERS)
def test_a_toolchain_is_compiled_without_a_layer_that_the_owner_allows(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERCELL_CACHE", str(tmp_path))
    assert without(layer, layer, INSTALLATION).strip().isalnum()


def test_allowing_one_layer_allows_no_other() -> None:
    assert without("seccomp,landlock", "landlock").startswith("IsolationMissing")


async def test_where_nothing_is_missing_no_cell_says_so() -> None:
    async with Session(Config(allow_missing=tuple(LAYERS))) as session:
        result = await session.execute(ADD)
    assert "42" in result.text
    assert not result.stderr


# --- a worker that seccomp kills ---


async def test_a_worker_that_seccomp_killed_is_lost_by_name(tmp_path: Path) -> None:
    async with Hypervisor(cache=Cache(tmp_path)) as hypervisor:
        assert not hypervisor.missing
        code = await hypervisor.compile(SPIN)
        vm = await hypervisor.acquire()
        commands = [c.Load(0), c.Instantiate(0), c.Invoke(0, "_start")]

        def kill(*_: object) -> None:
            os.kill(vm.pid, signal.SIGSYS)  # as the kernel does when a call is not on the list

        asyncio.get_running_loop().call_later(0.2, kill)
        with pytest.raises(WorkerLost, match="seccomp killed it"):
            await vm.run(commands, code=[code], limits=Limits(wall=10))
        async with await hypervisor.acquire() as following:
            (reply,) = await following.run([c.Usage()])
            assert isinstance(reply, c.Ok)


def test_rules_are_little_and_fit_one_program() -> None:
    for pair in (filters.ZYGOTE, filters.COMPILER):
        for rules in (pair.server, pair.child, pair.prepared):
            assert len(seccomp.program(rules)) // struct.calcsize("<HBBI") < 255
