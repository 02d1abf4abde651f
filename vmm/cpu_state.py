"""The processor state of the guest: constants for ring 3, descriptor tables, exception stub.

The vCPU starts in ring 3. All ring-0 code is the stub: ``mov esp, FRAME_v; iretq``, which leaves
the CPU's own pushes on the ring-0 stack as the record of the fault. See ``docs/abi.md``.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from hypercell.vmm import abi

CODE0, DATA0, DATA3, CODE3, TASK = 0x08, 0x10, 0x18 | 3, 0x20 | 3, 0x28
RFLAGS: Final = 2
XSAVE_SIZE: Final = 4096
IO_BITMAP: Final = 104  # offset in the TSS
IO_PORTS: Final = 0x400  # ports above the map get #GP
TSS_LIMIT: Final = IO_BITMAP + IO_PORTS // 8
PAGE_FAULT: Final = 14
STUB_STRIDE: Final = 16
FRAME_STRIDE: Final = 64

CR0: Final = 0x8005_0033  # PG AM WP NE ET MP PE
CR4: Final = 0x5_0620  # OSXSAVE FSGSBASE OSXMMEXCPT OSFXSR PAE
CR4_HARDENED: Final = CR4 | 1 << 11 | 1 << 20 | 1 << 21  # UMIP SMEP SMAP
EFER: Final = 0xD00  # NXE LMA LME; no SCE

VECTOR_NAMES: Final = {
    0: "divide error",
    1: "debug",
    2: "non-maskable interrupt",
    3: "breakpoint",
    4: "overflow",
    5: "bound range exceeded",
    6: "invalid opcode",
    7: "device not available",
    8: "double fault",
    10: "invalid TSS",
    11: "segment not present",
    12: "stack fault",
    13: "general protection",
    14: "page fault",
    16: "floating-point error",
    17: "alignment check",
    18: "machine check",
    19: "SIMD floating-point error",
    20: "virtualisation",
    21: "control protection",
}


class Registers(msgspec.Struct, frozen=True):
    """The general registers of the vCPU."""

    rax: int = 0
    rbx: int = 0
    rcx: int = 0
    rdx: int = 0
    rsi: int = 0
    rdi: int = 0
    rsp: int = 0
    rbp: int = 0
    r8: int = 0
    r9: int = 0
    r10: int = 0
    r11: int = 0
    r12: int = 0
    r13: int = 0
    r14: int = 0
    r15: int = 0
    rip: int = 0
    rflags: int = RFLAGS


REGISTER_NAMES: Final = Registers.__struct_fields__

_Leaf = tuple[int, int, int, int]


def choose_xcr0(supported: int) -> int:
    """Return XCR0 by EAX of CPUID leaf 0xD: x87 and SSE, and AVX where it is there."""
    return supported & 7 | 3


def mask_cpuid(function: int, index: int, registers: _Leaf) -> _Leaf:
    """Hide what a guest without devices, interrupts and kernel must not count on."""
    eax, ebx, ecx, edx = registers
    if function == 1:
        ecx &= ~(1 << 3 | 1 << 5 | 1 << 21 | 1 << 24)  # MONITOR, VMX, x2APIC, TSC deadline
    elif function == 7 and index == 0:
        ebx &= ~0xDC23_0000  # AVX-512: XCR0 keeps it off
        edx &= ~(1 << 22 | 1 << 24 | 1 << 25)  # AMX
    elif function == 0x8000_0001:
        ecx &= ~(1 << 2)  # SVM
    elif function == 0xA or 0x4000_0001 <= function <= 0x4FFF_FFFF:
        eax = ebx = ecx = edx = 0  # performance counters, paravirtual features
    return eax, ebx, ecx, edx


def control_registers(cr4: int) -> dict[str, int]:
    """Return the control registers by their names in ``kvm_sregs``."""
    return {"cr0": CR0, "cr2": 0, "cr3": abi.PML4, "cr4": cr4, "cr8": 0, "efer": EFER}


def _segment(selector: int, kind: int, **extra: int) -> dict[str, int]:
    base = {"base": 0, "limit": 0xFFFF_FFFF, "selector": selector, "type": kind, "present": 1}
    return base | {"dpl": 3, "db": 0, "s": 1, "l": 0, "g": 1, "avl": 0, "unusable": 0} | extra


SEGMENTS: Final[dict[str, dict[str, int]]] = {
    "cs": _segment(CODE3, 11, l=1),
    **{name: _segment(DATA3, 3, db=1) for name in ("ds", "es", "fs", "gs", "ss")},
    "tr": _segment(TASK, 11, base=abi.TSS, limit=TSS_LIMIT, s=0, dpl=0, g=0),
    "ldt": _segment(0, 2, limit=0, s=0, dpl=0, g=0, present=0, unusable=1),
}
DESCRIPTOR_TABLES: Final = {
    "gdt": (abi.GDT, 7 * 8 - 1),
    "idt": (abi.IDT, abi.VECTORS * 16 - 1),
}


def gdt() -> bytes:
    """Return the global descriptor table: flat segments of both rings, and the TSS."""
    base, limit = abi.TSS, TSS_LIMIT
    low = limit & 0xFFFF | (base & 0xFF_FFFF) << 16 | 0x8B << 40 | (base >> 24 & 0xFF) << 56
    flat = (0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF)
    return struct.pack("<7Q", *flat, low, base >> 32)


def tss() -> bytes:
    """Return the task state: the ring-0 stack, and an I/O map that opens one 4-byte port."""
    state = bytearray(b"\xff" * (TSS_LIMIT + 1))
    state[:IO_BITMAP] = bytes(IO_BITMAP)
    struct.pack_into("<Q", state, 4, abi.KERNEL_STACK + abi.PAGE)
    struct.pack_into("<H", state, 102, IO_BITMAP)
    state[IO_BITMAP + abi.HYPERCALL_PORT // 8] &= ~(0xF << abi.HYPERCALL_PORT % 8) & 0xFF
    return bytes(state)


def stub() -> bytes:
    """Return the exception stub, ``STUB_STRIDE`` bytes a vector."""
    code = bytearray()
    for vector in range(abi.VECTORS):
        entry = b"\x50\x0f\x20\xd0\x50" if vector == PAGE_FAULT else b""  # push rax, cr2
        frame = abi.FRAMES + FRAME_STRIDE * vector
        entry += b"\xbc" + struct.pack("<I", frame) + b"\x48\xcf"  # mov esp, frame; iretq
        code += entry.ljust(STUB_STRIDE, b"\xcc")
    return bytes(code)


def idt() -> bytes:
    """Return the interrupt descriptor table: 32 interrupt gates into the stub."""
    table = b""
    for vector in range(abi.VECTORS):
        target = abi.STUB + STUB_STRIDE * vector
        low, middle, high = target & 0xFFFF, target >> 16 & 0xFFFF, target >> 32
        table += struct.pack("<HHBBHII", low, CODE0, 0, 0x8E, middle, high, 0)
    return table


def frames(entry: int) -> bytes:
    """Return the constant ``iretq`` frames that lead to the landing pads of the image."""
    table = b""
    for vector in range(abi.VECTORS):
        pad = entry + abi.LANDING_OFFSET + abi.LANDING_STRIDE * vector
        stack = abi.FAULT_STACK + abi.FAULT_STACK_SIZE
        frame = struct.pack("<5Q", pad, CODE3, RFLAGS, stack, DATA3)
        table += frame.ljust(FRAME_STRIDE, b"\0")
    return table
