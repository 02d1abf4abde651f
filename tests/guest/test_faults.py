"""Processes that are killed, cancels at any moment, workers that lie: the next cell works."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

import pytest
import refusals
import wasm_programs as p
from hypervisor_fixtures import cache_fixture, hypervisor_fixture  # noqa: F401

from hypercell.vmm import Hypervisor, Limits, Vm, abi, channel, memfd
from hypercell.vmm import commands as c
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.errors import (
    HomeLimitExceeded,
    HypercellError,
    Interrupted,
    OutputLimitExceeded,
    ProtocolViolation,
    TimedOut,
    WorkerLost,
)
from hypercell.vmm.messages import (
    Done,
    FromWorker,
    Output,
    Parked,
    Raised,
    Snapped,
    StdinWanted,
    ToWorker,
)
from hypercell.vmm.outcome import Usage


async def hello(hypervisor):
    code = await hypervisor.compile(p.hello())
    out = bytearray()
    async with await hypervisor.acquire() as vm:
        await vm.run(p.program(), code=[code], on_output=lambda _, data: out.extend(data))
    assert out == b"hello\n"


async def running(hypervisor, wat=p.TELL_AND_SPIN):
    """A VM whose program has said that it is up."""
    code = await hypervisor.compile(wat)
    vm = await hypervisor.acquire()
    up = asyncio.Event()
    task = asyncio.create_task(vm.run(p.program(), code=[code], on_output=lambda *_: up.set()))
    await up.wait()
    return vm, task


async def test_a_killed_worker_is_told_and_the_next_works(hypervisor):
    vm, task = await running(hypervisor)
    os.kill(vm.pid, signal.SIGKILL)
    with pytest.raises(WorkerLost, match="signal 9"):
        await task
    await hello(hypervisor)


async def test_a_worker_killed_while_parked_is_not_used(hypervisor):
    for _ in range(3):
        await hypervisor.filled()
        workers = hypervisor.processes()["workers"]
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        for pid in workers:
            await gone(pid)
        await hello(hypervisor)


async def test_a_killed_zygote_takes_its_workers_and_is_replaced(hypervisor):
    vm, task = await running(hypervisor)
    (zygote,) = hypervisor.processes()["zygote"]
    os.kill(zygote, signal.SIGKILL)
    with pytest.raises(WorkerLost):
        await task
    await hello(hypervisor)
    assert hypervisor.processes()["zygote"] != [zygote]
    await gone(vm.pid)


async def test_a_zygote_killed_between_cells(hypervisor):
    for _ in range(3):
        await hypervisor.filled()
        processes = hypervisor.processes()
        os.kill(processes["zygote"][0], signal.SIGKILL)
        for pid in processes["workers"]:
            await gone(pid)
        await hello(hypervisor)


async def test_a_snapshot_survives_the_zygote(hypervisor):
    code = await hypervisor.compile(p.COUNTER)
    snapshot = await hypervisor.make_snapshot(
        [c.Load(0), c.Instantiate(0), c.Invoke(0, "next")], code=[code], name="counter"
    )
    processes = hypervisor.processes()
    os.kill(processes["zygote"][0], signal.SIGKILL)
    for pid in processes["workers"]:
        await gone(pid)
    async with await hypervisor.acquire(snapshot) as vm:
        (reply,) = await vm.run([c.Invoke(0, "next")])
    assert reply.values[0].bits == 2


async def test_a_killed_compiler_is_replaced(hypervisor):
    os.kill(hypervisor.processes()["compiler"][0], signal.SIGKILL)
    await hypervisor.compile('(module (func (export "new")))')


async def test_no_process_outlives_the_kernel_process(tmp_path):
    script = """
import asyncio, sys
from hypercell.vmm import Hypervisor
async def main():
    hypervisor = Hypervisor()
    await hypervisor.start()
    await hypervisor.filled()
    print(*[pid for pids in hypervisor.processes().values() for pid in pids], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        stdout=asyncio.subprocess.PIPE,
        env={"HYPERCELL_CACHE": str(tmp_path)},
    )
    pids = [int(pid) for pid in (await process.stdout.readline()).split()]
    assert len(pids) >= 4
    process.kill()
    await process.wait()
    for pid in pids:
        await gone(pid)


async def gone(pid):
    async with asyncio.timeout(240):
        while alive(pid):  # noqa: ASYNC110 - it ends in another process
            await asyncio.sleep(0.01)


def alive(pid):
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


async def test_cancelling_the_task_kills_the_vm(hypervisor):
    vm, task = await running(hypervisor)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(vm.pid)


async def test_a_worker_that_does_not_answer_a_cancel_is_killed(hypervisor):
    vm, task = await running(hypervisor)
    os.kill(vm.pid, signal.SIGSTOP)
    await vm.cancel()
    with pytest.raises(Interrupted):
        await task
    await gone(vm.pid)


async def test_a_worker_that_keeps_no_time_is_killed(hypervisor):
    code = await hypervisor.compile(p.SPIN)
    vm = await hypervisor.acquire()
    os.kill(vm.pid, signal.SIGSTOP)
    with pytest.raises(TimedOut):
        await vm.run(p.program(), code=[code], limits=Limits(wall=0.1))
    await gone(vm.pid)


async def test_floods_on_many_vms_at_once(hypervisor):
    code = await hypervisor.compile(p.FLOOD)

    async def flood():
        vm = await hypervisor.acquire()
        with pytest.raises(OutputLimitExceeded):
            await vm.run(p.program(), code=[code], limits=Limits(output=3_000_000))

    await asyncio.gather(*(flood() for _ in range(8)))
    await hello(hypervisor)


async def test_a_close_in_the_middle_ends_all(cache):
    hypervisor = Hypervisor(cache=cache)
    await hypervisor.start()
    vm, task = await running(hypervisor)
    await hypervisor.close()
    await hypervisor.close()
    with pytest.raises(HypercellError):
        await task
    await gone(vm.pid)


# --- a worker that was taken over ---


class Forger:
    """Stands where a worker stands and sends what it likes."""

    def __init__(self):
        ours, theirs = channel.pair()
        self.pid = os.getpid()
        self.ended = asyncio.get_running_loop().create_future()
        self.killed = False
        self.on_kill = lambda: None
        self.end = channel.Channel(theirs, ToWorker)
        self.vm = Vm(self, AsyncChannel(ours, FromWorker), (), lambda _: None)

    def kill(self):
        self.killed = True
        self.on_kill()
        if not self.ended.done():
            self.ended.set_result(-9)

    def forget(self):
        pass

    async def wait(self):
        return await self.ended


OK = c.Ok(0, (), b"", 0, ())


@pytest.mark.parametrize(
    "messages",
    [
        [Parked()],
        [StdinWanted(10)],
        [Output(((7, b"x"),))],
        [Output(((abi.STDOUT, bytes(2000)),))],
        [Output(((abi.STDOUT, bytes(600)),)), Output(((abi.STDERR, bytes(600)),))],
        [Output(())],
        [Output(((abi.STDOUT, b""),))],
        [Snapped(b"")],
        [Raised("SystemExit", "boo")],
        [Raised("GuestCrash", "boo", "", {"vector": "x"})],
        [Done((OK,) * 5, Usage())],
        [{"type": "Done", "replies": 5}],
        ["garbage"],
        [Done(({"type": "Ok", "values": [["i32", b"short"]]},), Usage())],
    ],
)
async def test_a_lying_worker_is_a_violation_and_dies(messages):
    forger = Forger()
    for message in messages:
        forger.end.send(message)
    with pytest.raises(ProtocolViolation):
        await forger.vm.run([c.Usage()], limits=Limits(output=1000))
    forger.vm.close()
    assert forger.killed
    forger.end.close()


async def test_a_flood_of_messages_does_not_stop_the_clock():
    forger = Forger()
    piece = Output(((abi.STDOUT, b"x"),))

    def flood():
        with contextlib.suppress(HypercellError):
            while True:
                forger.end.send(piece)

    flooding = threading.Thread(target=flood, daemon=True)
    flooding.start()
    forger.on_kill = forger.end._sock.close  # that is how a dead worker looks
    with pytest.raises(TimedOut):
        await forger.vm.run([c.Usage()], limits=Limits(wall=0.1, output=1 << 40))
    flooding.join(10)
    assert not flooding.is_alive()


async def test_a_worker_that_dies_while_input_is_awaited(hypervisor):
    code = await hypervisor.compile(p.ECHO)
    vm = await hypervisor.acquire()

    async def never(_):
        os.kill(vm.pid, signal.SIGKILL)
        await asyncio.Event().wait()

    with pytest.raises(WorkerLost):
        await vm.run(p.program(stdin=True), code=[code], on_stdin=never)


async def test_input_is_only_given_where_the_program_may_have_it():
    forger = Forger()
    forger.end.send(StdinWanted(1 << 30))

    async def secret(_):
        raise AssertionError("nobody may ask")

    with pytest.raises(ProtocolViolation):
        await forger.vm.run([c.Usage()], on_stdin=secret)
    forger.end.close()


async def test_a_snapshot_that_could_change_is_refused():
    forger = Forger()
    fd = memfd.create("loose")
    forger.end.send(Snapped(b"state"), [fd])
    with pytest.raises(ProtocolViolation, match="sealed"):
        await forger.vm.snapshot([c.Usage()])
    os.close(fd)
    forger.end.close()


async def test_home_that_never_ends_is_bounded():
    forger = Forger()
    piece = c.Ok(0, (), bytes(1 << 20), 1, ())

    def answer():
        with contextlib.suppress(HypercellError):
            while True:
                forger.end.receive()
                forger.end.send(Done((piece,), Usage()))

    answering = threading.Thread(target=answer, daemon=True)
    answering.start()
    forger.vm._limits = Limits(home_bytes=4 << 20, home_files=1)
    with pytest.raises(HomeLimitExceeded):
        await forger.vm.export_home()
    answering.join(5)
    assert not answering.is_alive()
    forger.end.close()


async def test_without_kvm_the_error_says_what_to_do(tmp_path):
    """/dev/kvm is no KVM device there."""
    script = f"""
{refusals.ioctl("_GET_API_VERSION", "ENOTTY")}
import asyncio
from hypercell.vmm import Hypervisor
from hypercell.vmm.errors import KvmUnavailable
async def main():
    try:
        await Hypervisor().start()
    except KvmUnavailable as error:
        print(error.message)
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script),
        stdout=asyncio.subprocess.PIPE,
        env={"HYPERCELL_CACHE": str(tmp_path), "PATH": os.environ["PATH"]},
    )
    out, _ = await process.communicate()
    assert b"no KVM device" in out
