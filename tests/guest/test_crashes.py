"""Faults that are no Wasm trap are crashes with their registers; panics come with their place.

Forged code stands for a compiler that was taken over: its functions are raw machine code.
"""

import pytest
from guest_vm import compiled, image

from hypercell.vmm import abi, elf, memfd
from hypercell.vmm.commands import Instantiate, Invoke, Load
from hypercell.vmm.errors import Closed, GuestCrash, GuestPanic
from hypercell.vmm.machine import Machine

INVALID_OPCODE, PROTECTION, PAGE_FAULT, BREAKPOINT = 6, 13, 14, 3
WRITE, USER, PRESENT, FETCH = 2, 4, 1, 16


def forged(code: bytes) -> bytes:
    """A module whose whole ``.text`` is slides into ``code``."""
    body = "(drop (i32.const 1))" * 10
    data = bytearray(compiled(f'(module (func (export "run") {body}))'))
    fd = memfd.of_bytes(data, "code")
    start, size = elf.find_text(fd, len(data))
    slide = b"\x90" * (size - len(code))
    data[start : start + size] = slide + code
    return bytes(data)


def crash(vm, code: bytes) -> GuestCrash:
    with pytest.raises(GuestCrash) as caught:
        vm.send(Load(vm.map_raw_code(forged(code))), Instantiate(0), Invoke(0, "run"))
    with pytest.raises(Closed):
        vm.send()
    return caught.value


def move(register: int, value: int) -> bytes:
    """mov r64, imm64 (0 is rax)."""
    return bytes((0x48, 0xB8 + register)) + value.to_bytes(8, "little")


STORE, LOAD, JUMP = b"\x48\x89\x08", b"\x48\x8b\x08", b"\xff\xe0"  # [rax], rcx; rcx, [rax]; rax


@pytest.mark.parametrize(
    ("code", "vector"),
    [
        (b"\x0f\x0b", INVALID_OPCODE),  # ud2 that no Wasm trap stands for
        (b"\xcc", BREAKPOINT),
        (b"\xf4", PROTECTION),  # hlt
        (b"\xfa", PROTECTION),  # cli
        (b"\x0f\x22\xd8", PROTECTION),  # mov cr3, rax
        (move(0, 1 << 63) + LOAD, PROTECTION),  # not canonical
    ],
)
def test_forbidden_instructions_crash(vm, code, vector):
    error = crash(vm, code)
    assert error.vector == vector
    assert abi.CODE_BASE <= error.rip < abi.CODE_BASE + abi.CODE_SIZE


@pytest.mark.parametrize(
    ("address", "access", "code"),
    [
        (0x0, LOAD, USER),
        (0x0, STORE, USER | WRITE),
        (abi.PML4, STORE, USER | WRITE),  # not mapped for ring 3 at all
        (abi.IMAGE, STORE, USER | WRITE | PRESENT),
        (abi.CODE_BASE, STORE, USER | WRITE | PRESENT),
        (abi.FAULT_RECORD, STORE, USER | WRITE | PRESENT),
        (abi.GDT, LOAD, USER | PRESENT),
        (abi.HEAP, JUMP, USER | PRESENT | FETCH),
        (abi.SHARED_BASE, JUMP, USER | PRESENT | FETCH),
        (abi.STACK - 8, STORE, USER | WRITE),
    ],
)
def test_forbidden_accesses_crash(vm, address, access, code):
    error = crash(vm, move(0, address) + access)
    assert (error.vector, error.error, error.address) == (PAGE_FAULT, code, address)


def test_native_stack_overflow_is_reported(vm):
    error = crash(vm, b"\x50\xeb\xfd")  # push rax; jmp -3
    assert error.vector == PAGE_FAULT
    assert error.address == abi.STACK - 8


def test_a_fault_on_the_fault_stack_is_reported(vm):
    top = abi.FAULT_STACK + abi.FAULT_STACK_SIZE
    error = crash(vm, move(4, top) + b"\x0f\x0b")  # mov rsp, top; ud2
    assert error.vector == INVALID_OPCODE


def test_a_host_of_another_version_is_a_panic_with_its_place(kvm_fd, vm):
    machine = Machine.boot(kvm_fd, image(), limits_memory=0)
    try:
        at = abi.MAILBOX + abi.MB_VERSION
        machine._memory.shared.view[at : at + 4] = b"\xff\0\0\0"
        with pytest.raises(GuestPanic, match=r"another ABI: 0xff4c454348.*door\.rs:\d+"):
            machine.start(vm.host)
    finally:
        machine.close()
