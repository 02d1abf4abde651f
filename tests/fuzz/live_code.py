"""Targets: raw code in ring 3 of a live VM, as after an escape from Wasmtime: hypercalls in any
number and order, writes to mailbox and ring, ports, and bytes that are any instructions.
"""

from __future__ import annotations

import struct

import page_walk
import rawguest
from live import MEMORY, Host, judged, kvm_fd
from source import Source, random_seeds
from target import Target

from hypercell.vmm import abi
from hypercell.vmm.image import GuestImage
from hypercell.vmm.machine import Machine
from hypercell.vmm.run_loop import Deferred

_PIECES = 24
_RUNS = 6
_PLACES = (
    rawguest.MAILBOX,
    rawguest.HEAD,
    rawguest.TAIL,
    rawguest.RING,
    rawguest.REPLY,
    abi.SHARED_BASE + abi.COMMAND_AREA,
    abi.SHARED_BASE + abi.STDIN_AREA,
    rawguest.DATA,
    abi.IMAGE,
    abi.STUB,
    abi.KERNEL_STACK,
    abi.FAULT_RECORD,
    abi.TABLES_BASE,
    abi.PML4,
    abi.HEAP,
    abi.ARENA_BASE,
    abi.ARENA_BASE + abi.ARENA_STRIDE,
    abi.CODE_BASE,
    abi.LAYER_BASE,
    0,
)
_WRITABLE = 5  # of them
_CALLS = (abi.HC_WAIT, abi.HC_FLUSH, abi.HC_STDIN, abi.HC_DEFERRED)  # most leave the VM running
_RARE_CALLS = (abi.HC_SLEEP, abi.HC_FAULT, abi.HC_PANIC, abi.HC_GROW, 0, 9, 1 << 63)
_SIZES = (0, abi.PAGE, 3 * abi.PAGE, abi.HUGE, abi.HUGE + abi.PAGE, 4 * abi.HUGE, MEMORY)


def _grow(source: Source, sizes: dict[int, int]) -> bytes:
    """Mostly a true one: what is committed is known."""
    arena = source.below(abi.ARENA_COUNT) if source.rarely() else source.below(4)
    old = sizes.get(arena, 0)
    new = old + source.pick(_SIZES)
    if sum(sizes.values()) + new - old <= MEMORY:
        sizes[arena] = new
    wrong = source.number() % 24
    arguments = [arena, old, new]
    if wrong < 3:
        arguments[wrong] = source.wild()
    return rawguest.hypercall(abi.HC_GROW, *arguments)


def _records(source: Source) -> bytes:
    """A few records at the start of the ring, and a head that may be right."""
    at, code = 0, b""
    for _ in range(source.below(4)):
        text = source.take(source.below(40))
        length = source.wild() % (1 << 32) if source.rarely() else len(text)
        stream = source.wild() % (1 << 32) if source.rarely() else 1 + source.below(3)
        data = struct.pack("<II", stream, length) + text
        code += rawguest.store8(rawguest.RING + at, data)
        at += -(-len(data) // 8) * 8
    return code + rawguest.store(rawguest.HEAD, source.wild() if source.rarely() else at)


def _flood(source: Source) -> bytes:
    """Knock again and again, with what the mailbox holds then."""
    times = 1 + source.number() * source.pick((1, 4))
    body = rawguest.OUT
    loop = b"\xbb" + times.to_bytes(4, "little") + body + b"\xff\xcb"  # mov ebx; …; dec ebx
    return loop + b"\x75" + (-(len(body) + 4)).to_bytes(1, "little", signed=True)  # jnz


def code_of(data: bytes) -> bytes:
    """Machine code for ring 3."""
    source = Source(data)
    code, sizes = b"", {}
    for _ in range(_PIECES):
        if not source:
            break
        match source.below(10):
            case 0 | 1:
                op = source.pick(_RARE_CALLS) if source.rarely() else source.pick(_CALLS)
                code += rawguest.hypercall(op, *(source.wild() for _ in range(source.below(7))))
            case 2 | 3:
                code += _grow(source, sizes)
            case 4:
                code += rawguest.wait(source.wild() if source.rarely() else source.number())
            case 5:
                code += _records(source) + rawguest.hypercall(source.pick((1, 3, 8)), 0)
            case 6:
                place = source.pick(_PLACES if source.rarely() else _PLACES[:_WRITABLE])
                code += rawguest.store(place + source.number(), source.wild())
            case 7:
                code += _flood(source)
            case 8:
                port = source.wild() % (1 << 16) if source.rarely() else abi.HYPERCALL_PORT
                port += source.below(9) - 4
                access = source.pick(tuple(rawguest.ACCESS.values()))
                code += rawguest.mov("rdx", port % (1 << 16)) + access
            case _:
                code += source.take(1 + source.below(24))
    return code + rawguest.wait()


def _run(code: bytes) -> None:
    machine = Machine.boot(
        kvm_fd(), GuestImage(rawguest.raw_elf(code[: 3 * abi.PAGE])), limits_memory=MEMORY
    )
    host = Host()
    with judged(machine):
        reply = machine.start(host)
        for turn in range(_RUNS):
            assert isinstance(reply, Deferred) or len(reply) <= abi.REPLY_AREA_SIZE
            reply = machine.run(code[: 8 * turn], host)
        page_walk.check(machine)


def _hypercalls(data: bytes) -> None:
    _run(code_of(data))


_GROW = bytes([2, 1, 1, 5, 7]) * 8
_MIXED = bytes([0, 1, 2, 3, 4]) * 12 + b"\x05\x02\x05hello\x00\x01\x01!" * 3
_CODE = (
    rawguest.hypercall(abi.HC_GROW, 1, 0, abi.HUGE) + rawguest.store(abi.ARENA_BASE, 1),
    rawguest.record(1, 5, b"hello") + rawguest.store(rawguest.HEAD, 16) + rawguest.wait(8),
    b"\x0f\xa2\x0f\x31\x0f\x01\xd0\x0f\x0b",  # cpuid, rdtsc, xgetbv, ud2
    b"\x0f\x01\xd9\x0f\x32\xf4\xcd\x80\xcc\x0f\x05\x0f\x34\x0f\x01\xc1",
    rawguest.SPIN,
)

TARGETS = (
    Target("live_hypercalls", _hypercalls, (_GROW, _MIXED, *random_seeds(16)), cases=150),
    Target("live_code", _run, _CODE, cases=80),
)
