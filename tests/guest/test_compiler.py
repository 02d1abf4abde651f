"""The compiler process: right results, and every bomb ends at its limit."""

import asyncio
import base64
import os
import signal
from pathlib import Path

import pytest

from hypercell.vmm import compiler_client, memfd
from hypercell.vmm.cache import Cache
from hypercell.vmm.code_cache import CodeCache
from hypercell.vmm.compiler_client import CompileLimits, CompilerClient
from hypercell.vmm.errors import Closed, CompileLimitExceeded, InvalidModule, ModuleError
from hypercell.vmm.fork_client import ForkServer
from hypercell.vmm.program import MIB

PROC = Path("/proc")
ADD = '(module (func (export "add") (param i32 i32) (result i32)\
 local.get 0 local.get 1 i32.add))'


def big_function(size):
    body = "i32.const 3 i32.mul local.get 0 i32.xor " * size
    return f'(module (func (export "x") (param i32) (result i32) local.get 0 {body}))'


def status_of(pid):
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


async def until(true):
    while not true():  # noqa: ASYNC110 - what is waited for happens in another process
        await asyncio.sleep(0.01)


@pytest.fixture
async def server():
    made = ForkServer("hypercell.vmm.compiler")
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def compiler(server):
    made = CompilerClient(server)
    yield made
    await made.close()


async def test_a_module_compiles_to_sealed_code(compiler):
    result = await compiler.compile(ADD, CompileLimits())
    assert memfd.is_sealed(result.fd)
    assert memfd.read(result.fd, result.size)[:4] == b"\x7fELF"
    (export,) = result.description.exports
    assert (export.name, export.params, export.results) == ("add", ("i32", "i32"), ("i32",))
    os.close(result.fd)


async def test_text_errors_have_line_and_column(compiler):
    with pytest.raises(InvalidModule, match=r"(?s)module.wat:2:8.*\(fun \)"):
        await compiler.compile("(module\n      (fun ))", CompileLimits())


@pytest.mark.parametrize(
    ("wasm", "message"),
    [
        (b"", "no Wasm module"),
        (b"(module)", "no Wasm module"),
        (b"\0asm\1\0\0\0\xff\xff\xff\xff", "offset"),
        (b"\0asm\x0d\0\1\0\xff", "offset"),
        ('(component (import "a" (func)) (export "b" (func 7)))', "unknown func"),
        ("(module (func (result i32)))", "type mismatch"),
        ("(module (memory 1 1 shared))", "threads"),
        ("\udcff(module", "UTF-8|utf-8"),
    ],
)
async def test_what_is_no_module_is_refused(compiler, wasm, message):
    with pytest.raises(InvalidModule, match=message):
        await compiler.compile(wasm, CompileLimits())


@pytest.mark.parametrize(
    ("size", "limits", "message"),
    [
        (400_000, CompileLimits(seconds=0.3), "more than 0.3 s"),
        (400_000, CompileLimits(memory=80 * MIB), "80 MiB"),
        (200_000, CompileLimits(output=MIB), "size limit"),
        (1_000, CompileLimits(wasm=100), "the limit is 100"),
    ],
)
async def test_bombs_hit_their_limit(compiler, server, size, limits, message):
    with pytest.raises(CompileLimitExceeded, match=message):
        await compiler.compile(big_function(size), limits)
    result = await compiler.compile(ADD, CompileLimits())
    os.close(result.fd)


# A line table (found by fuzzing) that says it has 2^63 entries of no bytes each.
ENDLESS_LINES = base64.b64decode(
    "AGFzbQEAAAABBAFgAAADAgEACgcBBQBBARoLABgNLmRlYnVnX2FiYnJldgERABAXGwgAAAAAIQsuZGVidWdfaW5mbxEAAAAE"
    "AAAAAAAEAQAAAAAvc3JjAAA+Cy5kZWJ1Z19saW5lLgAAAAQuYw8AAAIAAAAFAgAAAP////////9eABMCCAABAQ=="
)


async def test_lines_without_end_cost_their_time_and_are_none(compiler, server, monkeypatch):
    monkeypatch.setattr(compiler_client, "_SYMBOLIZE_SECONDS", 0.5)
    assert await compiler.symbolize(ENDLESS_LINES, [0, 40]) == (None, None)
    result = await compiler.compile(ADD, CompileLimits())
    os.close(result.fd)


async def test_deep_nesting_is_no_crash(compiler):
    deep = "(block " * 100_000 + ")" * 100_000
    result = await compiler.compile(f"(module (func {deep}))", CompileLimits(memory=256 * MIB))
    os.close(result.fd)


async def test_cancelling_kills_the_compile(compiler, server):
    compiling = asyncio.create_task(compiler.compile(big_function(400_000), CompileLimits()))
    await until(lambda: server.children)
    compiling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await compiling
    await compiler.close()
    await until(lambda: not server.children)


async def test_a_killed_server_is_started_again(compiler, server):
    first = server.pid
    os.kill(first, signal.SIGKILL)
    result = await compiler.compile(ADD, CompileLimits())
    os.close(result.fd)
    assert server.pid != first


async def test_a_killed_compile_is_an_error_and_the_next_works(compiler, server):
    compiling = asyncio.create_task(compiler.compile(big_function(400_000), CompileLimits()))
    await until(lambda: server.children)
    os.kill(server.children[0], signal.SIGKILL)
    with pytest.raises(CompileLimitExceeded, match="killed from outside"):
        await compiling
    result = await compiler.compile(ADD, CompileLimits())
    os.close(result.fd)


async def test_many_at_once_leave_nothing(compiler, server):
    before = len(os.listdir("/proc/self/fd"))
    modules = [f'(module (func (export "f{n}")))' for n in range(20)]
    results = await asyncio.gather(*(compiler.compile(m, CompileLimits()) for m in modules))
    assert [r.description.exports[0].name for r in results] == [f"f{n}" for n in range(20)]
    for result in results:
        os.close(result.fd)
    await compiler.close()
    await until(lambda: not server.children)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_child_waits_for_the_next_compile(compiler, server):
    os.close((await compiler.compile(ADD, CompileLimits())).fd)
    await until(lambda: compiler._spare is not None)  # the child that compiled may be there too
    waiting = compiler._spare.pid
    os.kill(waiting, signal.SIGKILL)
    await until(lambda: waiting not in server.children)
    os.close((await compiler.compile(ADD, CompileLimits())).fd)


async def test_a_closed_server_says_so(compiler, server):
    await server.close()
    with pytest.raises(Closed):
        await compiler.compile(ADD, CompileLimits())


async def test_children_are_locked_up(compiler, server):
    compiling = asyncio.create_task(compiler.compile(big_function(400_000), CompileLimits()))
    await until(lambda: server.children)
    (pid,) = server.children
    await until(lambda: int(status_of(pid)["Seccomp_filters"]) == 2)  # the last it does
    status = status_of(pid)
    environment = (PROC / str(pid) / "environ").read_bytes()
    descriptors = {
        os.readlink(f"/proc/{pid}/fd/{fd}").split(":[")[0] for fd in os.listdir(f"/proc/{pid}/fd")
    }
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"
    assert all(not int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"))
    assert os.getsid(pid) == pid
    assert not environment.strip(b"\0")
    assert {name for name in descriptors if not name.startswith("/memfd:hypercell-")} == {
        "/dev/null",
        "socket",
        f"/proc/{pid}/statm",
    }
    compiling.cancel()
    await asyncio.gather(compiling, return_exceptions=True)


# --- the cache above it ---


async def test_memory_then_disk_then_compiler(tmp_path, compiler, server):
    cache = Cache(tmp_path)
    codes = CodeCache(cache, compiler)
    first = await codes.get(ADD, CompileLimits())
    assert await codes.get(ADD, CompileLimits()) is first
    await server.close()  # from here on only the disk can help
    again = await CodeCache(cache, compiler).get(ADD, CompileLimits())
    assert again.key == first.key
    assert again.exports == first.exports
    assert memfd.read(again.fd, again.size) == memfd.read(first.fd, first.size)
    cache.close()


async def test_damaged_code_is_compiled_again(tmp_path, compiler):
    cache = Cache(tmp_path)
    first = await CodeCache(cache, compiler).get(ADD, CompileLimits())
    (path,) = [path for path in cache.root.iterdir() if path.name.startswith("code-")]
    good = path.read_bytes()
    path.write_bytes(good[:-8] + b"evil!!!!")
    again = await CodeCache(cache, compiler).get(ADD, CompileLimits())
    assert memfd.read(again.fd, again.size) == memfd.read(first.fd, first.size)
    assert path.read_bytes() == good
    cache.close()


async def test_code_closes_with_its_last_reference(tmp_path, compiler):
    cache = Cache(tmp_path)
    codes = CodeCache(cache, compiler)
    fd = (await codes.get(ADD, CompileLimits())).fd
    os.fstat(fd)
    codes.clear()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)
    cache.close()


async def test_a_compile_that_ends_by_a_signal_without_a_name(server, compiler):
    os.close((await compiler.compile(ADD, CompileLimits())).fd)
    await until(lambda: compiler._spare is not None)
    os.kill(compiler._spare.pid, signal.SIGRTMIN + 6)
    with pytest.raises(ModuleError, match=f"signal {signal.SIGRTMIN + 6} "):
        await compiler.compile(ADD, CompileLimits())
