"""VMs through all processes: what a cell can do, and how each way of ending is told."""

import asyncio
import io
import tarfile

import pytest
import wasm_programs as p
from hypervisor_fixtures import cache_fixture, hypervisor_fixture  # noqa: F401

from hypercell.vmm import Layer, Limits, ValType, Value, abi
from hypercell.vmm import commands as c
from hypercell.vmm.errors import (
    Closed,
    HomeLimitExceeded,
    Interrupted,
    InvokeError,
    OutputLimitExceeded,
    ProtocolViolation,
    TimedOut,
)


async def run(hypervisor, wat, commands=None, **options):
    code = await hypervisor.compile(wat)
    out = bytearray()
    async with await hypervisor.acquire() as vm:
        replies = await vm.run(
            commands or p.program(),
            code=[code],
            on_output=lambda _, data: out.extend(data),
            **options,
        )
    return replies, bytes(out)


async def test_hello(hypervisor):
    replies, out = await run(hypervisor, p.hello())
    assert out == b"hello\n"
    assert all(isinstance(reply, c.Ok) for reply in replies)


async def test_streams_are_told_apart(hypervisor):
    code = await hypervisor.compile(p.hello(b"oops", stream=2))
    seen = []
    async with await hypervisor.acquire() as vm:
        await vm.run(p.program(), code=[code], on_output=lambda *piece: seen.append(piece))
    assert seen == [(abi.STDERR, b"oops")]


async def test_parked_and_on_demand_vms_do_the_same(hypervisor):
    await hypervisor.filled()
    first = [await run(hypervisor, p.hello()) for _ in range(2)]
    code = await hypervisor.compile(p.hello())
    vms = [await hypervisor.acquire() for _ in range(6)]  # more than are parked
    for vm in vms:
        assert await vm.run(p.program(), code=[code]) == first[0][0]
        vm.close()
    assert first[0] == first[1]


async def test_trap_has_frames(hypervisor):
    replies, _ = await run(hypervisor, p.TRAP)
    trap = replies[-1]
    assert isinstance(trap, c.Trapped)
    assert trap.code == abi.TRAP_MEMORY_OUT_OF_BOUNDS
    assert [frame.name for frame in trap.frames] == ["inner", "outer"]


async def test_exit_code(hypervisor):
    replies, _ = await run(hypervisor, p.EXIT_3)
    assert replies[-1] == c.Exited(3)


async def test_input_is_asked_for_piece_by_piece(hypervisor):
    pieces = [b"one ", b"two ", b""]
    _, out = await run(hypervisor, p.ECHO, p.program(stdin=True), on_stdin=lambda _: give(pieces))
    assert out == b"one two "
    assert not pieces


async def give(pieces):
    await asyncio.sleep(0.01)
    return pieces.pop(0)


async def test_without_input_its_end_is_seen(hypervisor):
    assert (await run(hypervisor, p.ECHO, p.program(stdin=True)))[1] == b""
    assert (await run(hypervisor, p.ECHO))[1] == b""


async def test_waiting_for_input_costs_no_time(hypervisor):
    async def slow(_):
        await asyncio.sleep(2.5)
        return b""

    await run(hypervisor, p.ECHO, p.program(stdin=True), on_stdin=slow, limits=Limits(wall=2.0))


async def test_waiting_for_input_can_be_cancelled(hypervisor):
    code = await hypervisor.compile(p.ECHO)
    vm = await hypervisor.acquire()

    async def never(_):
        asyncio.get_running_loop().call_later(0.01, lambda: asyncio.ensure_future(vm.cancel()))
        await asyncio.Event().wait()

    with pytest.raises(Interrupted):
        await vm.run(p.program(stdin=True), code=[code], on_stdin=never)


@pytest.mark.parametrize("wat", [p.SPIN, p.SLEEP, p.FLOOD])
async def test_time_limit(hypervisor, wat):
    with pytest.raises(TimedOut, match=r"longer than 0\.2 s"):
        await run(hypervisor, wat, limits=Limits(wall=0.2, output=1 << 40))


@pytest.mark.parametrize("wat", [p.TELL_AND_SPIN, p.SLEEP])
async def test_cancel(hypervisor, wat):
    code = await hypervisor.compile(wat)
    vm = await hypervisor.acquire()
    up = asyncio.Event()
    running = asyncio.create_task(vm.run(p.program(), code=[code], on_output=lambda *_: up.set()))
    await up.wait()
    await vm.cancel()
    with pytest.raises(Interrupted):
        await running
    with pytest.raises(Closed):
        await vm.run(p.program(), code=[code])


async def test_output_comes_while_the_program_runs(hypervisor):
    code = await hypervisor.compile(p.TELL_AND_SPIN)
    vm = await hypervisor.acquire()
    first = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        vm.run(p.program(), code=[code], on_output=lambda _, data: first.set_result(data))
    )
    assert await first == b"up"
    assert not running.done()
    vm.close()
    with pytest.raises(Closed):
        await running


async def test_output_limit_keeps_what_fits(hypervisor):
    code = await hypervisor.compile(p.FLOOD)
    out = bytearray()
    vm = await hypervisor.acquire()
    with pytest.raises(OutputLimitExceeded, match="100000 bytes"):
        await vm.run(
            p.program(),
            code=[code],
            limits=Limits(output=100_000),
            on_output=lambda _, data: out.extend(data),
        )
    assert len(out) == 100_000


async def test_memory_limit_refuses_growth(hypervisor):
    code = await hypervisor.compile(p.COUNTER)
    async with await hypervisor.acquire() as vm:
        pages = Value(ValType.I32, 1000)
        replies = await vm.run(
            [c.Load(0), c.Instantiate(0), c.Invoke(0, "grow", (pages,)), c.Usage()],
            code=[code],
            limits=Limits(memory=32 << 20),
        )
    assert replies[2].values == (Value(ValType.I32, 0xFFFF_FFFF),)
    assert vm.usage.refused_grows >= 1


async def test_a_large_memory_limit_is_really_there(hypervisor):
    code = await hypervisor.compile(p.COUNTER)
    await hypervisor.filled()
    for _ in range(4):  # parked, and on demand
        async with await hypervisor.acquire() as vm:
            pages = Value(ValType.I32, 20_000)
            replies = await vm.run(
                [c.Load(0), c.Instantiate(0), c.Invoke(0, "grow", (pages,))],
                code=[code],
                limits=Limits(memory=1400 << 20),
            )
        assert replies[2].values == (Value(ValType.I32, 1),)


async def test_state_stays_within_one_vm_and_never_crosses(hypervisor):
    code = await hypervisor.compile(p.COUNTER)
    for _ in range(2):
        async with await hypervisor.acquire() as vm:
            await vm.run([c.Load(0), c.Instantiate(0)], code=[code])
            for count in (1, 2, 3):
                (reply,) = await vm.run([c.Invoke(0, "next")])
                assert reply.values == (Value(ValType.I32, count),)


async def test_home_comes_out_as_a_tar(hypervisor):
    code = await hypervisor.compile(p.WRITE_HOME)
    async with await hypervisor.acquire() as vm:
        await vm.run(p.program(), code=[code])
        asked = await vm.export_home()
    async with await hypervisor.acquire() as vm:
        await vm.run(p.program(export=True), code=[code])
        in_the_batch = await vm.export_home()
    for tar in (asked, in_the_batch):
        with tarfile.open(fileobj=io.BytesIO(tar)) as files:
            (member,) = [m for m in files.getmembers() if m.isfile()]
            assert files.extractfile(member).read() == b"data"


async def test_home_unchanged_is_none(hypervisor):
    code = await hypervisor.compile(p.hello())
    async with await hypervisor.acquire() as vm:
        await vm.run(p.program(export=True), code=[code])
        assert await vm.export_home() is None


async def test_home_is_bounded_by_the_kernel_process_too(hypervisor):
    async with await hypervisor.acquire() as vm:
        none = Limits(home_bytes=0, home_files=0, dir_bytes=0, dir_files=0)
        for path in ("/home", "/data"):
            with pytest.raises(HomeLimitExceeded):
                vm._exports.collect([c.Export(path)], [c.Ok(data=bytes(2 << 20))], none)


async def test_home_in_crumbs_is_refused(hypervisor):
    async with await hypervisor.acquire() as vm:
        with pytest.raises(ProtocolViolation, match="pieces of 1 bytes"):
            vm._exports.collect([c.Export()], [c.Ok(data=b"x", size=1)], Limits())


async def test_a_layer_is_mounted(hypervisor):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        info = tarfile.TarInfo("a.txt")
        info.size = 5
        files.addfile(info, io.BytesIO(b"layer"))
    layer = Layer.from_bytes(archive.getvalue())
    _, out = await run(hypervisor, p.READ_FILE, p.program(home=0), layers=[layer])
    assert out == b"layer"


async def test_a_put_file_is_read_and_may_be_empty(hypervisor):
    for data in (b"bytes of a file", b""):
        commands = p.program()
        commands.insert(2, c.PutFile("/home/a.txt", 0))
        _, out = await run(hypervisor, p.READ_FILE, commands, layers=[Layer.from_bytes(data)])
        assert out == data


async def test_what_does_not_resolve_is_a_reply(hypervisor):
    replies, _ = await run(hypervisor, '(module (import "env" "gone" (func)))')
    assert isinstance(replies[-1], c.Failed)
    assert replies[-1].status == abi.ST_LINK
    assert "gone" in replies[-1].message


async def test_an_index_without_a_file_is_an_invoke_error(hypervisor):
    with pytest.raises(InvokeError, match="code 7"):
        await run(hypervisor, p.hello(), [c.Load(7)])


async def test_many_commands_need_many_batches(hypervisor):
    code = await hypervisor.compile(p.COUNTER)
    data = bytes(range(256)) * 200
    async with await hypervisor.acquire() as vm:
        await vm.run([c.Load(0), c.Instantiate(0)], code=[code])
        writes = [c.MemoryWrite(0, "memory", 0, data) for _ in range(40)]
        reads = [c.MemoryRead(0, "memory", 0, len(data)) for _ in range(40)]
        calls = [c.Invoke(0, "next") for _ in range(3000)]
        replies = await vm.run([*writes, *reads, *calls])
    assert len(replies) == 3080
    assert all(reply.data == data for reply in replies[40:80])
    assert replies[-1].values == (Value(ValType.I32, 3000),)


# --- snapshots ---


async def test_a_snapshot_continues_where_it_was_taken(hypervisor):
    code = await hypervisor.compile(p.COUNTER)
    snapshot = await hypervisor.make_snapshot(
        [c.Load(0), c.Instantiate(0), c.Invoke(0, "next"), c.Invoke(0, "next")],
        code=[code],
        name="counter",
    )
    await hypervisor.filled()
    assert hypervisor.parked(snapshot) == 1
    for _ in range(4):
        async with await hypervisor.acquire(snapshot) as vm:
            (reply,) = await vm.run([c.Invoke(0, "next")])
            assert reply.values == (Value(ValType.I32, 3),)
    hypervisor.discard(snapshot)
    assert hypervisor.parked(snapshot) == 0


async def test_a_snapshot_at_a_deferred_file(hypervisor):
    code = await hypervisor.compile(p.READ_FILE)
    commands = p.program()
    commands.insert(2, c.Defer("/home/a.txt"))
    for eager in (False, True):
        snapshot = await hypervisor.make_snapshot(
            commands, code=[code], name="reader", until_deferred=True, eager=eager
        )
        assert snapshot.deferred
        await hypervisor.filled()
        for text in (b"first", b"second", b"third"):  # the last ones are made on demand
            out = bytearray()
            async with await hypervisor.acquire(snapshot) as vm:
                replies = await vm.run(
                    [c.PutFile("/home/a.txt", 0), c.Export(), c.Usage()],
                    layers=[Layer.from_bytes(text)],
                    on_output=lambda _, data, out=out: out.extend(data),
                )
                assert [type(reply) for reply in replies] == [c.Ok, c.Ok, c.Ok]
                assert out == text
        hypervisor.discard(snapshot)


async def test_a_snapshot_of_what_fails_is_an_error(hypervisor):
    code = await hypervisor.compile(p.TRAP)
    with pytest.raises(Exception, match="cannot be made"):
        await hypervisor.make_snapshot(p.program(), code=[code], name="broken")
    with pytest.raises(Exception, match="before it opened its deferred file"):
        await hypervisor.make_snapshot(p.program(), code=[code], name="broken", until_deferred=True)


async def test_a_warmed_snapshot_is_unchanged(hypervisor):
    code = await hypervisor.compile(p.COUNTER)
    from hypercell.vmm import Warmup

    snapshot = await hypervisor.make_snapshot(
        [c.Load(0), c.Instantiate(0)],
        code=[code],
        name="warm",
        warmup=Warmup(tuple(c.Invoke(0, "next") for _ in range(5))),
    )
    await hypervisor.filled()
    async with await hypervisor.acquire(snapshot) as vm:
        (reply,) = await vm.run([c.Invoke(0, "next")])
    assert reply.values == (Value(ValType.I32, 1),)
