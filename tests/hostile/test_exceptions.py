"""Processor exceptions that are no traps of WebAssembly: each reported with its registers."""

from __future__ import annotations

import pytest
from harness import Attack
from rawguest import MAILBOX, OUT, load, mov, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash, GuestError, TimedOut

UD2 = b"\x0f\x0b"
DIVIDE = b"\x31\xc9\xf7\xf1"  # xor ecx, ecx; div ecx


@pytest.mark.parametrize(
    ("name", "code", "vector"),
    [
        ("divide error", DIVIDE, 0),
        ("invalid opcode", UD2, 6),
        ("general protection", b"\xf4", 13),
        ("page fault", load(0), 14),
    ],
)
def test_it_is_named(attack: Attack, name: str, code: bytes, vector: int) -> None:
    crash = attack(code).fails(GuestCrash, name)
    assert crash.vector == vector
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE


def test_a_floating_point_exception(attack: Attack) -> None:
    """Unmask everything in MXCSR, then divide zero by zero."""
    code = b"\x6a\x00\x0f\xae\x14\x24\x0f\x57\xc0\x0f\x5e\xc0"  # push 0; ldmxcsr; xorps; divps
    assert attack(code).fails(GuestCrash, "SIMD").vector == 19


def test_single_step(attack: Attack) -> None:
    """TF in ring 3: a debug exception, not a hang."""
    attack(b"\x68\x02\x01\x00\x00\x9d\x90\x90" + wait()).fails(GuestError)


def test_alignment_check(attack: Attack) -> None:
    """AC in ring 3 with CR0.AM: an odd access faults, or is let through."""
    raw = attack(b"\x68\x02\x00\x04\x00\x9d\x48\x8b\x44\x24\xf1" + wait())
    assert raw.vector_or_wait() in (None, 17)


def test_stack_overflow(attack: Attack) -> None:
    """Push for ever: the absent page below the stack ends it, on a stack of its own."""
    crash = attack(b"\x50\xeb\xfd").fails(GuestCrash, "page fault")
    assert crash.address == abi.STACK - 8


def test_a_wild_stack_pointer(attack: Attack) -> None:
    crash = attack(mov("rsp", 1 << 46) + b"\x50").fails(GuestCrash, "page fault")
    assert crash.address == (1 << 46) - 8


def test_a_fault_in_the_fault_handler(attack: Attack, ticking: None) -> None:
    """The handler faults again and again: the tick ends it."""
    raw = attack(UD2, on_fault=UD2)
    raw.patience(5)
    raw.fails(TimedOut)


def test_a_nested_fault_is_reported(attack: Attack) -> None:
    """The handler itself touches null; the second landing reports it."""
    report = store(MAILBOX + abi.MB_ARGS, 14) + store(MAILBOX + abi.MB_OP, abi.HC_FAULT) + OUT
    count = b"\x41\xff\xc4\x41\x83\xfc\x02\x74"  # inc r12d; cmp r12d, 2; je
    handler = count + bytes((len(load(0)),)) + load(0) + report
    assert attack(b"\x45\x31\xe4" + UD2, on_fault=handler).fails(GuestCrash).vector == 14
