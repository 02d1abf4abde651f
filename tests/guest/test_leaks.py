"""After 200 VMs nothing is left: no process, no descriptor, no memory file, no temporary file."""

import asyncio
import contextlib
import gc
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest
import wasm_programs as p
from hypervisor_fixtures import cache_fixture, hypervisor_fixture  # noqa: F401

from hypercell.vmm import Layer, Limits
from hypercell.vmm import commands as c
from hypercell.vmm.errors import Closed, HypercellError
from hypercell.vmm.hypervisor import PARKED

PROC = Path("/proc")


def descriptors(pid):
    found = []
    for fd in os.listdir(PROC / str(pid) / "fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that lists
            found.append(os.readlink(PROC / str(pid) / "fd" / fd))
    return sorted(found)


def kinds(pid):
    """Descriptors with the numbers of sockets and the like left out."""
    return [name.split(":[")[0] for name in descriptors(pid)]


def mappings(pid):
    return len((PROC / str(pid) / "maps").read_text().splitlines())


def resident(pid):
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


async def settled(hypervisor, workers):
    gc.collect()
    async with asyncio.timeout(240):
        while True:
            await hypervisor.filled()
            if len(hypervisor.processes()["workers"]) == workers:
                return
            await asyncio.sleep(0.01)


async def cell(hypervisor, number):
    wats = (p.hello(), p.TRAP, p.EXIT_3, p.WRITE_HOME, p.SPIN, p.FLOOD)
    code = await hypervisor.compile(wats[number % len(wats)])
    commands = p.program(export=True)
    commands.insert(2, c.PutFile("/home/in.txt", 0))
    try:
        async with await hypervisor.acquire() as vm:
            await vm.run(
                commands,
                code=[code],
                layers=[Layer.from_bytes(b"x" * number)],
                limits=Limits(wall=0.03, output=10_000),
            )
            await vm.export_home()
    except HypercellError:
        return


@pytest.mark.timeout(1300)
async def test_200_cells_leave_nothing(hypervisor):
    for number in range(12):
        await cell(hypervisor, number)
    await settled(hypervisor, PARKED)
    servers = [os.getpid(), *hypervisor.processes()["zygote"], *hypervisor.processes()["compiler"]]
    before = [kinds(pid) for pid in servers]
    maps = [mappings(pid) for pid in servers[1:]]
    files = set(os.listdir(tempfile.gettempdir()))
    memory = resident(servers[1])
    for number in range(200):
        await cell(hypervisor, number)
    await settled(hypervisor, PARKED)
    assert [kinds(pid) for pid in servers] == before
    assert [mappings(pid) for pid in servers[1:]] == maps
    assert {name for name in os.listdir(tempfile.gettempdir()) if "hypercell" in name} <= files
    assert resident(servers[1]) < memory + 2048
    children = {int(pid) for pid in hypervisor.processes()["workers"]}
    assert len(children) == PARKED


async def test_snapshots_leave_nothing(hypervisor):
    code = await hypervisor.compile(p.COUNTER)

    async def once():
        snapshot = await hypervisor.make_snapshot(
            [c.Load(0), c.Instantiate(0)], code=[code], name="gone"
        )
        await hypervisor.filled()
        async with await hypervisor.acquire(snapshot) as vm:
            await vm.run([c.Invoke(0, "next")])
        hypervisor.discard(snapshot)

    await once()
    await settled(hypervisor, PARKED)
    before = kinds(os.getpid())
    for _ in range(10):
        await once()
    await settled(hypervisor, PARKED)
    assert kinds(os.getpid()) == before


async def test_big_files_of_snapshots_are_held_by_the_zygote_and_let_go(hypervisor):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as files:
        for name, data in (("a.txt", b"in the layer"), ("big", bytes(5 << 20))):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            files.addfile(info, io.BytesIO(data))
    layer = Layer.from_bytes(archive.getvalue())
    code = await hypervisor.compile(p.READ_FILE)
    (zygote,) = hypervisor.processes()["zygote"]
    before = mappings(zygote), resident(zygote)
    for _ in range(3):
        commands = p.program(home=0)
        snapshot = await hypervisor.make_snapshot(
            commands[:-1], code=[code], layers=[layer], name="big"
        )
        for _ in range(2):  # parked, then on demand
            out = bytearray()
            async with await hypervisor.acquire(snapshot) as vm:
                await vm.run(commands[-1:], on_output=lambda _, data, out=out: out.extend(data))
            assert out == b"in the layer"
        assert resident(zygote) > before[1] + 5000
        hypervisor.discard(snapshot)
        with pytest.raises(Closed):
            await hypervisor.acquire(snapshot)
    await settled(hypervisor, PARKED)
    async with asyncio.timeout(240):  # the zygote lets go when it reads the message
        # Three rounds would leave nine mappings or more.
        while (  # noqa: ASYNC110 - it happens in another process
            mappings(zygote) >= before[0] + 6 or resident(zygote) >= before[1] + 2048
        ):
            await asyncio.sleep(0.01)


async def test_a_worker_holds_what_it_needs_and_no_more(hypervisor):
    await hypervisor.filled()
    for pid in hypervisor.processes()["workers"]:
        status = dict(
            line.split(":", 1) for line in (PROC / str(pid) / "status").read_text().splitlines()
        )
        assert status["NoNewPrivs"].strip() == "1"
        assert status["Seccomp"].strip() == "2"
        assert all(
            not int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")
        )
        assert os.getsid(pid) == pid
        assert not (PROC / str(pid) / "environ").read_bytes().strip(b"\0")
        held = {name.split(":[")[0].split(" (")[0] for name in descriptors(pid)}
        allowed = ("/dev/null", "/dev/kvm", "socket", "anon_inode:", "/memfd:hypercell-")
        assert all(
            name.startswith((*allowed, f"/proc/{pid}/pagemap", f"/proc/{pid}/statm"))
            for name in held
        ), held
