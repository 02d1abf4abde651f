"""WASI 0.1 through the whole image: streams, exits, time, randomness, files, deferral, quotas."""

import io
import random
import tarfile
import time

import pytest
from guest_vm import GuestVm, i32
from wasi_calls import WasiCalls, functions, handing_on

from hypercell.vmm import abi, codec
from hypercell.vmm.commands import (
    Command,
    Defer,
    Exited,
    Export,
    Failed,
    Instantiate,
    Invoke,
    Load,
    MemoryWrite,
    Mount,
    Ok,
    PutFile,
    Quota,
    ReadFile,
    Reply,
    Trapped,
    Wasi,
)
from hypercell.vmm.program import MIB
from hypercell.vmm.run_loop import Deferred

ERRNO = {"FAULT": 21, "ROFS": 69}
CREATE = 1


def tar(**files: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


@pytest.fixture
def wasi(vm) -> WasiCalls:
    world = Wasi(args=("prog", "größer"), env=(("A", "1"),), preopens=("/home",), stdin=True)
    return WasiCalls(
        vm,
        world,
        Quota(2 * MIB, 100, MIB, 100),
        Mount("/home", None, abi.MOUNT_HOME),
    )


def test_streams_carry_bytes_in_order(wasi):
    assert wasi.write(1, b"out\0put\n") == 0
    assert wasi.write(2, b"err") == 0
    assert wasi.write(1, b"") == 0
    assert (wasi.vm.host.stdout, wasi.vm.host.stderr) == (b"out\0put\n", b"err")


def test_output_is_whole_however_often_the_ring_wraps(wasi):
    source = random.Random(7)  # noqa: S311
    expected = b""
    for _ in range(150):
        data = source.randbytes(source.choice((1, 7, 8, 9, 4095, 65535, 65536, 65537, 180_000)))
        assert wasi.write(1, data) == 0
        expected += data
    assert len(expected) > 4 * abi.RING_SIZE
    assert wasi.vm.host.stdout == expected


def test_one_write_may_be_larger_than_the_ring(vm):
    calls = WasiCalls(vm, Wasi(), memory='(memory (export "memory") 64)')
    calls.iovec(0, *[(0, 4 * MIB)] * 3)
    assert calls.errno("fd_write", 1, 0, 3, 64) == 0
    assert calls.number(64) == 12 * MIB
    assert len(vm.host.stdout) == 12 * MIB
    assert vm.host.stdout[24 : 4 * MIB].strip(b"\0") == b""


SMALL_WRITES = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write
    (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (param $count i32) (local $i i32)
    (loop $again
      (i32.store (i32.const 0) (i32.add (i32.const 1024)
        (i32.and (local.get $i) (i32.const 255))))
      (i32.store (i32.const 4) (i32.rem_u (local.get $i) (i32.const 101)))
      (if (call $fd_write
        (select (i32.const 2) (i32.const 1) (i32.eqz (i32.rem_u (local.get $i) (i32.const 7))))
        (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $count))))))"""


def test_small_writes_are_joined_and_none_is_lost(vm):
    assert isinstance(vm.run(Wasi()), Ok)
    instance = vm.instantiate(SMALL_WRITES)
    pattern = random.Random(3).randbytes(512)  # noqa: S311
    vm.run(MemoryWrite(instance, "memory", 1024, pattern))
    for count in (60_000, 1, 999):
        expected = {1: bytearray(), 2: bytearray()}
        for i in range(count):
            start = i & 255
            expected[1 if i % 7 else 2] += pattern[start : start + i % 101]
        vm.host.stdout, vm.host.stderr = bytearray(), bytearray()
        assert isinstance(vm.call(instance, "run", i32(count)), Ok)
        assert vm.host.stdout == expected[1]
        assert vm.host.stderr == expected[2]


@pytest.mark.parametrize("code", [0, 1, 3, 255, 0xFFFF_FFFF])
def test_an_exit_code_is_told(wasi, code):
    assert wasi.call("proc_exit", code) == Exited(code)
    assert wasi.write(1, b"the machine goes on") == 0


def test_arguments_and_environment(wasi):
    assert wasi.errno("args_sizes_get", 0, 4) == 0
    assert (wasi.number(0), wasi.number(4)) == (2, len("prog\0größer\0".encode()))
    assert wasi.errno("args_get", 0x10, 0x100) == 0
    assert wasi.get(0x100, wasi.number(4)) == "prog\0größer\0".encode()
    assert wasi.errno("environ_get", 0x10, 0x100) == 0
    assert wasi.get(0x100, 4) == b"A=1\0"


def test_stdin_comes_in_pieces_and_ends(wasi):
    wasi.vm.host.input = [b"first line\n", b"second"]
    assert wasi.read(0, 5) == b"first"
    assert wasi.read(0, 100) == b" line\n"
    assert wasi.read(0, 100) == b"second"
    assert wasi.read(0, 100) == b""
    wasi.vm.host.input = [b"after the end"]
    assert wasi.read(0, 100) == b""


def test_stdin_that_is_not_asked_is_at_its_end(vm):
    vm.host.input = [b"never read"]
    assert WasiCalls(vm, Wasi(stdin=False)).read(0, 100) == b""
    assert vm.host.input


def test_clocks_run_and_agree_with_the_host(wasi):
    def clock(number: int) -> int:
        assert wasi.errno("clock_time_get", number, 1, 0) == 0
        return wasi.number(0, 8)

    before = time.time_ns()
    real = clock(0)
    assert before - 2_000_000_000 < real < time.time_ns() + 2_000_000_000
    first = clock(1)
    assert clock(1) > first


def test_a_deterministic_machine_has_no_time_and_no_chance(new_vm):
    seen = set()
    for _ in range(2):
        vm = new_vm()
        vm.machine.deterministic = True
        calls = WasiCalls(vm, Wasi())
        assert calls.errno("random_get", 0x100, 32) == 0
        assert calls.errno("clock_time_get", 0, 1, 0) == 0
        seen.add(calls.get(0x100, 32))
    assert len(seen) == 1


def test_sleep_is_the_hosts(wasi):
    subscription = bytearray(48)
    subscription[16:20] = (1).to_bytes(4, "little")  # the monotonic clock
    subscription[24:32] = (250_000_000).to_bytes(8, "little")
    wasi.put(0x100, bytes(subscription))
    assert wasi.errno("poll_oneoff", 0x100, 0x200, 1, 0x300) == 0
    assert wasi.number(0x300) == 1
    assert wasi.vm.host.slept >= 200_000_000


def test_forks_of_a_snapshot_have_other_random_bytes(new_vm):
    parent = new_vm()
    calls = WasiCalls(parent, Wasi())
    assert calls.errno("random_get", 0x100, 32) == 0
    seen = {calls.get(0x100, 32)}
    for _ in range(3):
        fork = new_vm(parent=parent)
        calls.vm = fork
        assert calls.errno("random_get", 0x100, 32) == 0
        seen.add(calls.get(0x100, 32))
    assert len(seen) == 4


def test_files_come_from_a_layer_and_changes_go_out(vm):
    layer = vm.map_layer(tar(**{"lib/a.txt": b"from the layer"}))
    home = vm.map_layer(tar(**{"old.txt": b"old"}))
    calls = WasiCalls(
        vm,
        Wasi(preopens=("/usr", "/home")),
        Quota(MIB, 10, MIB, 10),
        Mount("/usr", layer, abi.MOUNT_LAYER),
        Mount("/home", home, abi.MOUNT_HOME),
    )
    assert calls.read(calls.open(3, "lib/a.txt", rights=0x2), 100) == b"from the layer"
    assert calls.open(3, "lib/b.txt", CREATE) == -ERRNO["ROFS"]
    assert calls.write(calls.open(4, "new.txt", CREATE), b"fresh") == 0
    assert vm.run(ReadFile("/home/new.txt")) == Ok(size=5, data=b"fresh")
    assert vm.run(ReadFile("/usr/lib/a.txt", offset=5, max=3)) == Ok(size=14, data=b"the")
    piece = vm.run(Export())
    assert piece.size == 0
    with tarfile.open(fileobj=io.BytesIO(piece.data)) as archive:
        assert [member.name.removeprefix("./") for member in archive] == ["new.txt"]


def test_put_file_is_not_copied_and_readable(vm):
    data = bytes(range(256)) * 4000
    calls = WasiCalls(
        vm,
        Wasi(preopens=("/home",)),
        Quota(MIB, 10, MIB, 10),
        Mount("/home", None, abi.MOUNT_HOME),
        PutFile("/home/in.bin", vm.map_layer(data)),
    )
    fd = calls.open(3, "in.bin", rights=0x2)
    assert calls.read(fd, 100_000) == data[:100_000]


class AtDeferred:
    """A VM that stands at the open of /home/late, in a call."""

    def __init__(self, vm: GuestVm) -> None:
        self.vm = vm
        self.calls = WasiCalls(
            vm,
            Wasi(preopens=("/home",)),
            Quota(MIB, 10, MIB, 10),
            Mount("/home", None, abi.MOUNT_HOME),
            Defer("/home/late"),
        )
        self.calls.put(0x200, b"late")
        call = self.calls.invoke("path_open", 3, 1, 0x200, 4, 0, 2, (1 << 30) - 1, 0, 0x110)
        self.suspended = (call,)
        assert isinstance(vm.send(call), Deferred)

    def answer(self, fork: GuestVm, *commands: Command) -> Reply:
        """Let a fork go on; the reply of the call."""
        batch = codec.encode(commands, fork.code, fork.layers)
        (reply,) = codec.decode(self.suspended, fork.machine.run(batch, fork.host))
        return reply


def test_a_deferred_file_is_filled_in_each_fork(new_vm):
    parent = AtDeferred(new_vm())
    for content in (b"one", b"two, longer"):
        fork = new_vm(parent=parent.vm)
        reply = parent.answer(fork, PutFile("/home/late", fork.map_layer(content)))
        assert reply.values[0].bits == 0
        parent.calls.vm = fork
        assert parent.calls.read(parent.calls.number(0x110), 100) == content


def test_a_deferred_file_may_stay_empty(new_vm):
    parent = AtDeferred(new_vm())
    assert parent.answer(parent.vm).values[0].bits == 0
    assert parent.calls.read(parent.calls.number(0x110), 100) == b""


def test_what_fails_at_a_deferred_file_ends_the_program(new_vm):
    parent = AtDeferred(new_vm())
    fork = new_vm(parent=parent.vm)
    reply = parent.answer(fork, ReadFile("/home/late"))
    assert reply == Failed(abi.ST_ERROR, "command 13 is not known, or not allowed here")
    assert isinstance(fork.run(ReadFile("/home/late")), Ok)


# The first write is cut at the quota, the second one fails.
FILL_HOME = """(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open
    (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write
    (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "big")
  (data (i32.const 8) "\\00\\00\\00\\00\\d0\\07\\00\\00")
  (func (export "_start") (param $code i32)
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 1)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
    (drop (call $fd_write (i32.load (i32.const 16)) (i32.const 8) (i32.const 1) (i32.const 20)))
    (if (call $fd_write (i32.load (i32.const 16)) (i32.const 8) (i32.const 1) (i32.const 20))
      (then (call $proc_exit (local.get $code))))))"""


@pytest.mark.parametrize(("quota", "code"), [(1000, 3), (1000, 0), (5000, 3)])
def test_a_program_that_failed_at_its_quota_says_so(vm, quota, code):
    vm.send(Quota(quota, 10, 0, 0), Mount("/home", None, abi.MOUNT_HOME), Wasi(preopens=("/home",)))
    reply = vm.call(vm.instantiate(FILL_HOME), "_start", i32(code))
    if quota == 5000:
        assert reply == Ok()
    elif code == 0:
        assert reply == Exited(0)  # it coped
    else:
        assert isinstance(reply, Failed)
        assert reply.status == abi.ST_REFUSED
        assert "1000" in reply.message
        assert "(exit 3)" in reply.message


def test_every_function_takes_any_arguments(wasi):
    source = random.Random(11)  # noqa: S311
    wild = (0, 1, 2, 3, 4, 0x3FFFF, 0x40000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40)
    for name, params in functions().items():
        if name in ("proc_exit", "poll_oneoff"):
            continue
        for _ in range(25):
            reply = wasi.call(name, *(source.choice(wild) for _ in params))
            assert isinstance(reply, Ok), (name, reply)
            assert reply.values[0].bits < 77
    assert wasi.errno("sched_yield") == 0


def test_a_module_without_memory_gets_errors(vm):
    calls = WasiCalls(vm, Wasi(), memory='(memory (export "m") 1)')
    assert calls.errno("fd_write", 1, 0, 1, 8) == ERRNO["FAULT"]
    assert calls.errno("random_get", 0, 8) == ERRNO["FAULT"]
    assert calls.errno("sched_yield") == 0
    assert calls.call("proc_exit", 4) == Exited(4)


def test_a_program_in_one_batch(vm):
    """What the kernel sends for a cell: one round trip."""
    code = vm.map_code(handing_on())
    replies = vm.send(
        Quota(MIB, 10, MIB, 10),
        Mount("/home", None, abi.MOUNT_HOME),
        Load(code),
        Wasi(args=("a",), preopens=("/home",)),
        Instantiate(0),
        Invoke(0, "sched_yield"),
        Export(),
    )
    assert [type(reply) for reply in replies] == [Ok] * 7
    assert replies[-1].data == b""


def test_a_trap_inside_a_program_is_no_exit(vm):
    instance = vm.instantiate('(module (func (export "_start") unreachable))')
    assert isinstance(vm.call(instance, "_start"), Trapped)
