"""Targets: the guest image in a live VM whose shared memory changes under both sides, and a live VM
that takes the forged state of a session.
"""

from __future__ import annotations

import contextlib
import functools
import os
import struct

import msgspec
import page_walk
import rawguest
import session_side
from guest_vm import GuestVm
from live import MEMORY, Host, judged, kvm_fd
from source import Source, random_seeds
from target import Target

from hypercell.vmm import abi, codec, delta, memfd
from hypercell.vmm.commands import Command, Defer, Export, Instantiate, Invoke, Load, Mount, Wasi
from hypercell.vmm.delta import DeltaState
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.image import GuestImage
from hypercell.vmm.machine import Machine
from hypercell.vmm.run_loop import Deferred
from hypercell.vmm.snapshot import Snapshot

# Output, input, sleep, memory and files, again and again.
_PROGRAM = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\40\\00\\00\\00\\20\\00\\00\\00")
  (data (i32.const 16) "\\00\\01\\00\\00\\00\\01\\00\\00")
  (data (i32.const 64) "some text of a program, a line.\\0adeferred")
  (func (export "_start") (local $n i32)
    (i64.store (i32.const 1048) (i64.const 100000))
    (loop
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
      (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 32)))
      (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
      (drop (call $poll (i32.const 1024) (i32.const 2048) (i32.const 1) (i32.const 32)))
      (drop (memory.grow (i32.const 3)))
      (drop (call $open (i32.const 3) (i32.const 0) (i32.const 96) (i32.const 8) (i32.const 1)
        (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 32)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get $n) (i32.const 6))))))"""
_COMMANDS: tuple[Command, ...] = (
    Mount("/home", None, abi.MOUNT_HOME),
    Defer("/home/deferred"),
    Wasi(preopens=("/home",), stdin=True),
    Instantiate(0),
    Invoke(0, "_start"),
    Export(),
)
_FIELDS = (
    *(abi.MAILBOX + field for field in range(abi.MB_OP, abi.MB_TSC_BASE, 8)),
    abi.MAILBOX + abi.MB_TSC_TO_NS,
    abi.MAILBOX + abi.MB_GENERATION,
    abi.MAILBOX + abi.MB_FLAGS,
    abi.RING_HEADER,
    abi.RING_HEADER + 64,
    abi.RING,
    abi.RING + 8,
    abi.COMMAND_AREA,
    abi.COMMAND_AREA + 8,
    abi.REPLY_AREA,
    abi.REPLY_AREA + 4,
    abi.STDIN_AREA,
)


@functools.cache
def _parent() -> GuestVm:
    vm = GuestVm(kvm_fd())
    vm.run(Load(vm.map_code(_PROGRAM)))
    return vm


def _changed(data: bytes) -> None:
    """The image runs a program, and in the middle of each exit its shared memory changes."""
    source = Source(data)
    parent = _parent()
    if parent._snapshot is None:
        parent._snapshot = parent.machine.snapshot()
    machine = Machine.fork(
        kvm_fd(), parent._snapshot, limits_memory=MEMORY, code=parent._code_files
    )
    shared = machine._memory.shared.view

    def meddle() -> None:
        for _ in range(1 + source.below(2) if source.number() % 4 == 3 else 0):
            at = source.pick(_FIELDS) + (source.number() if source.rarely() else 0)
            piece = source.wild().to_bytes(8, "little")[: 1 + source.below(8)]
            shared[at : at + len(piece)] = piece

    host = Host(meddle)
    with judged(machine):
        batch = codec.encode(_COMMANDS, parent.code, [])
        for _ in range(6):
            reply = machine.run(batch, host)
            meddle()
            if isinstance(reply, Deferred):
                batch = source.take(40)
                continue
            with contextlib.suppress(ProtocolViolation):
                codec.decode(_COMMANDS, reply)
            batch = codec.encode(_COMMANDS[3:], parent.code, [])


# --- a session's state --------------------------------------------------------------------------

_ARENA = abi.ARENA_BASE + abi.ARENA_STRIDE
_BASE = 4 * abi.PAGE  # as in session_side
_STARTS = (*(at // abi.PAGE for at in (abi.FAULT_STACK, rawguest.DATA, abi.STACK, abi.HEAP, 0)),)
_STARTS += (delta.arena_page(1, 0),)
_GUEST = rawguest.hypercall(abi.HC_GROW, 1, 0, _BASE) + rawguest.store(_ARENA, 2) + rawguest.wait()
_GUEST += rawguest.store(rawguest.DATA, 1) + rawguest.load(_ARENA) + rawguest.save(rawguest.REPLY)
_GUEST += rawguest.wait(8) + rawguest.store(_ARENA + abi.PAGE, 3) + rawguest.wait(8)


@functools.cache
def _runtime() -> tuple[Snapshot, bytes]:
    """A raw guest at its first wait point: (snapshot, its processor state)."""
    machine = Machine.boot(kvm_fd(), GuestImage(rawguest.raw_elf(_GUEST)), limits_memory=MEMORY)
    machine.start(Host())
    snapshot = machine.snapshot()
    machine.close()
    return snapshot, snapshot.state.xsave


def _state(source: Source) -> DeltaState:
    """A state that says so or so much about a session; its registers may be any."""
    snapshot, xsave = _runtime()
    state = session_side.state(source)
    registers = snapshot.state.registers
    for _ in range(source.below(3)):
        name = source.pick(("rip", "rsp", "rax", "rcx", "rflags"))
        value = source.wild() if name != "rflags" else source.pick((2, 0xCD7, 0x202, 0x3202))
        registers = msgspec.structs.replace(registers, **{name: value})
    if source.rarely():
        at = source.below(700)
        xsave = xsave[:at] + source.take(8).ljust(8, b"\xff") + xsave[at + 8 :]
    changes: dict[str, object] = {"registers": registers, "xsave": xsave}
    if source.rarely():
        changes = {"registers": registers}
    return msgspec.structs.replace(state, layers=(), **changes)


def _adopted(data: bytes) -> None:
    """A forged state: refused, or the guest goes on in ring 3 and is kept again."""
    source = Source(data)
    state = _state(source)
    whole = max(MEMORY, sum(state.committed))  # a session's memory is its own from the start
    machine = Machine.fork(kvm_fd(), _runtime()[0], limits_memory=whole)
    wanted = session_side.runs(source, _STARTS)
    index = b"".join(
        struct.pack("<4I", *(number % (1 << 32) for number in stretch))
        for stretch in delta.stretches(wanted, 0)
    )
    if source.rarely():
        index = index[:4] + source.take(8) + index[12:]
    content = (source.take(64) or b"\0").ljust(64, b"\x90") * 64
    pages = min(64, max(0, delta.page_count(wanted)))
    pieces = [memfd.of_bytes(content * pages, "piece")]
    with judged(machine):
        machine.adopt(state, index, pieces, [])
        page_walk.check(machine)
        for _ in range(2):
            machine.run(b"", Host())
            kept, fd, packed = machine.changes(full=source.rarely())
            os.close(fd)
            places = delta.Places(_runtime()[0].state.ram, kept.committed)
            delta.check_state(kept, _runtime()[0].state.arenas.committed, [], whole)
            delta.unpack_runs(packed, places)
        page_walk.check(machine)


TARGETS = (
    Target("live_shared_memory", _changed, (b"", *random_seeds(16)), cases=80),
    Target("live_adopt", _adopted, (bytes(80), *random_seeds(16, 80)), cases=100),
)
