"""Sessions without Jupyter, async and sync."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest
from real_kernel import ADD, FOREVER, READ_LINES, SECONDS, printing, wasi

from hypercell.kernel import Session, SyncSession
from hypercell.kernel.config import Config
from hypercell.kernel.grants import DirectoryGrant
from hypercell.kernel.result import Stream
from hypercell.vmm.errors import Closed, ExitStatus, Interrupted, Trap
from hypercell.vmm.program import Limits

EXIT = wasi(
    "(call $exit (i32.const 5))",
    imports='(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))',
)


async def test_results(session: Session) -> None:
    result = await session.execute(f"%%wat --invoke add 2 3 --invoke add 4 5\n{ADD}")
    assert result.check().text == "add(2, 3) = 5 : i32\nadd(4, 5) = 9 : i32"
    result = await session.execute(f"%%wat\n{printing('hi')}")
    assert (result.stdout, result.ok, result.exit_code) == (b"hi", True, 0)
    assert result.usage.output == 2
    result = await session.execute(f"%%wat\n{EXIT}")
    assert (result.exit_code, result.ok) == (5, False)
    with pytest.raises(ExitStatus):
        result.check()


async def test_exports_are_shown(session: Session) -> None:
    text = (await session.execute(f"%%wat\n{ADD}")).text
    assert "func" in text
    assert "add(i32, i32) -> i32" in text
    assert "--invoke add i32 i32" in text


async def test_calls_before_a_trap_are_shown(session: Session) -> None:
    module = """(module
      (func (export "one") (result i32) i32.const 1)
      (func $inner unreachable) (func (export "bad") call $inner))"""
    result = await session.execute(f"%%wat --invoke one --invoke bad --invoke one\n{module}")
    assert result.text == "one() = 1 : i32"
    assert isinstance(result.error, Trap)
    assert "inner" in result.traceback


async def test_instances_keep_their_state_between_calls(session: Session) -> None:
    module = """(module (global $n (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $n (i32.const 10)))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"""
    result = await session.execute(f"%%wat --invoke next --invoke next\n{module}")
    assert result.text == "next() = 11 : i32\nnext() = 12 : i32"


async def test_every_type(session: Session) -> None:
    module = """(module (func (export "f")
      (param i64 f32 f64 v128 externref) (result externref v128 f64 f32 i64)
      local.get 4 local.get 3 local.get 2 local.get 1 local.get 0))"""
    result = await session.execute(f"%%wat --invoke f -1 0.1 -0.0 0x1 7\n{module}")
    assert result.check().text.endswith(
        "= (externref 7, 0x00000000000000000000000000000001 (i32x4 1 0 0 0), -0.0, 0.1, -1)"
        " : (externref, v128, f64, f32, i64)"
    )


async def test_parse_errors_point_into_the_cell(session: Session) -> None:
    result = await session.execute("%%wat\n(module\n  (func\n    i32.nonsense))")
    assert "line 4, column 5" in result.traceback
    assert "4 |     i32.nonsense))\n  |     ^" in result.traceback
    result = await session.execute("%%wat\n(module (func (result i32) i64.const 1))")
    assert "expected i32, found i64" in result.traceback


async def test_cells_side_by_side(session: Session) -> None:
    results = await asyncio.gather(
        *(session.execute(f"%%wat\n{printing(str(number))}") for number in range(10))
    )
    assert [result.stdout for result in results] == [str(n).encode() for n in range(10)]


async def test_interrupt_ends_all_running_cells(session: Session) -> None:
    cells = [asyncio.create_task(session.execute(f"%%wat\n{FOREVER}")) for _ in range(2)]
    await asyncio.sleep(1)
    assert session.busy
    session.interrupt()
    for cell in cells:
        assert isinstance((await cell).error, Interrupted)
    assert not session.busy
    assert (await session.execute(f"%%wat --invoke add 1 1\n{ADD}")).ok


async def test_interrupt_before_the_vm_is_there(session: Session) -> None:
    cell = asyncio.create_task(session.execute(f"%%wat\n{FOREVER}"))
    await asyncio.sleep(0)
    session.interrupt()
    assert isinstance((await cell).error, Interrupted)
    assert (await session.execute(f"%%wat --invoke add 1 1\n{ADD}")).ok


async def test_input(session: Session) -> None:
    lines = [b"a\n", b"b\n", b""]

    async def read(limit: int) -> bytes:
        return lines.pop(0)

    result = await session.execute(f"%%wat\n{READ_LINES}", on_stdin=read)
    assert result.stdout == b"a\nb\n"


async def test_events_as_they_come(session: Session) -> None:
    seen: list[bytes] = []
    first = asyncio.Event()

    def on_event(event: object) -> None:
        if isinstance(event, Stream):
            seen.append(event.data)
            first.set()

    program = printing("now")[:-2] + " (loop br 0)))"
    cell = asyncio.create_task(session.execute(f"%%wat\n{program}", on_event=on_event))
    await first.wait()
    session.interrupt()
    result = await cell
    assert (b"".join(seen), result.stdout) == (b"now", b"")


async def test_limits_of_the_configuration() -> None:
    config = Config(limits=Limits(wall=0.2), maximum=Limits(wall=0.5))
    async with Session(config) as session:
        assert type((await session.execute(f"%%wat\n{FOREVER}")).error).__name__ == "TimedOut"
        refused = await session.execute(f"%%wat --timeout 1\n{ADD}")
        assert type(refused.error).__name__ == "LimitRefused"


async def test_granted_directories(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("from the host")
    grants = (DirectoryGrant(tmp_path, "/data"),)
    async with Session(Config(directories=grants)) as session:
        result = await session.execute(
            '%%c\nchar b[99] = ""; FILE *f = fopen("/data/x.txt", "r"); fgets(b, 99, f); puts(b);\n'
            'printf("%d\\n", fopen("/data/new", "w") == NULL);'
        )
        assert result.check().stdout == b"from the host\n1\n"
        assert "/data (read-only)" in (await session.execute("%limits")).text
    assert not (tmp_path / "new").exists()


async def test_a_closed_session(session: Session) -> None:
    await session.close()
    await session.close()
    with pytest.raises(Closed):
        await session.execute("%files")


async def test_closing_ends_running_cells() -> None:
    session = Session(Config())
    cell = asyncio.create_task(session.execute(f"%%wat\n{FOREVER}"))
    await asyncio.sleep(1)
    await session.close()
    with pytest.raises(asyncio.CancelledError):
        await cell


@pytest.mark.parametrize("steps", [1, 2, 4])
async def test_a_close_that_is_cancelled_ends_all_processes(steps: int) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    session = Session()
    (await session.execute(f"%%wat --invoke add 2 3\n{ADD}")).check()
    running = asyncio.create_task(session.execute(f"%%wat\n{FOREVER}"))
    await asyncio.sleep(0.1)
    closing = asyncio.create_task(session.close())
    for _ in range(steps):
        await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    async with asyncio.timeout(SECONDS):
        while {c.pid for c in psutil.Process().children(recursive=True)} - before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.gather(running, return_exceptions=True)
    await session.close()


def test_sync() -> None:
    with SyncSession(Config()) as session:
        assert session.execute(f"%%wat --invoke add 2 3\n{ADD}").text == "add(2, 3) = 5 : i32"
        lines = [b"a\n", b""]
        result = session.execute(f"%%wat\n{READ_LINES}", on_stdin=lambda limit: lines.pop(0))
        assert result.stdout == b"a\n"
        session.execute("%%file x\ntext")
        assert session.home.read("x") == b"text\n"
    session.close()
    with pytest.raises(Closed):
        session.execute("%files")


async def test_what_is_being_kept_lets_go_when_the_session_closes() -> None:
    let_go = []

    async def commit() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            let_go.append(True)

    session = Session(Config())
    session.commit(commit())
    await session.close()
    assert let_go
