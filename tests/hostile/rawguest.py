"""Tiny guests of raw machine code: an ELF with a jump, 32 landing pads and the code under test."""

from __future__ import annotations

import struct

from hypercell.vmm import abi

MAILBOX = abi.SHARED_BASE + abi.MAILBOX
REPLY = abi.SHARED_BASE + abi.REPLY_AREA
DATA = abi.IMAGE + 0x1_0000  # a writable page
RESULT = abi.SHARED_BASE + abi.MAILBOX + abi.MB_RESULT
HEAD = abi.SHARED_BASE + abi.RING_HEADER
TAIL = HEAD + 64
RING = abi.SHARED_BASE + abi.RING
HUGE_NUMBERS = (1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1)
VARIES = 9  # error bits for an absent page: present and reserved depend on the backend's upper half
ACCESS = {
    "out8": b"\xee",
    "out16": b"\x66\xef",
    "out32": b"\xef",
    "in8": b"\xec",
    "in16": b"\x66\xed",
    "in32": b"\xed",
}
_CODE = abi.IMAGE


def mov(register: str, value: int) -> bytes:
    """`mov r64, imm64` for rax, rbx, rcx, rdx, rsi, rdi."""
    index = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi").index(register)
    return bytes((0x48, 0xB8 + index)) + struct.pack("<Q", value & (1 << 64) - 1)


def store(address: int, value: int) -> bytes:
    """Write a u64: rcx and rax are lost."""
    return mov("rcx", address) + mov("rax", value) + b"\x48\x89\x01"


def store8(address: int, data: bytes) -> bytes:
    """Write bytes, eight at a time."""
    data = data.ljust(-(-len(data) // 8) * 8, b"\0")
    pieces = (data[i : i + 8] for i in range(0, len(data), 8))
    return b"".join(
        store(address + 8 * i, int.from_bytes(piece, "little")) for i, piece in enumerate(pieces)
    )


OUT = mov("rdx", abi.HYPERCALL_PORT) + b"\xef"  # out dx, eax


def hypercall(op: int, *args: int) -> bytes:
    """Fill the mailbox and knock."""
    code = b"".join(store(MAILBOX + abi.MB_ARGS + 8 * i, arg) for i, arg in enumerate(args))
    return code + store(MAILBOX + abi.MB_OP, op) + OUT


def wait(length: int = 0) -> bytes:
    """`HC_WAIT` with a reply of ``length`` bytes."""
    return hypercall(abi.HC_WAIT, length, 0)


def load(address: int) -> bytes:
    """`mov rax, [address]`; rcx is lost."""
    return mov("rcx", address) + b"\x48\x8b\x01"


def save(address: int) -> bytes:
    """`mov [address], rax`; rcx is lost."""
    return mov("rcx", address) + b"\x48\x89\x01"


def reply_u64(source: int) -> bytes:
    """Copy a u64 of guest memory to the reply area, and wait."""
    return load(source) + save(REPLY) + wait(8)


SPIN = b"\xeb\xfe"


def loop(body: bytes) -> bytes:
    """Run ``body`` for ever."""
    return body + b"\xe9" + (-(len(body) + 5)).to_bytes(4, "little", signed=True)


def record(stream: int, length: int, payload: bytes = b"") -> bytes:
    """Write a record to the start of the output ring."""
    return store8(RING, struct.pack("<II", stream, length) + payload)


def _pad(vector: int) -> bytes:
    """Landing pad: rbx = vector, then to the common part behind the pads."""
    start = abi.LANDING_OFFSET + abi.LANDING_STRIDE * vector
    code = b"\xbb" + struct.pack("<I", vector)  # mov ebx, vector
    jump = abi.LANDING_OFFSET + abi.LANDING_STRIDE * abi.VECTORS - (start + len(code) + 5)
    return (code + b"\xe9" + struct.pack("<i", jump)).ljust(abi.LANDING_STRIDE, b"\xcc")


_WITH_ERROR = (8, 10, 11, 12, 13, 14, 17, 21, 29, 30)


def _report() -> bytes:
    """Report `HC_FAULT` from the record page: vector, error, rip, cr2, rsp, rbp."""
    end = abi.FAULT_RECORD + abi.PAGE
    mask = sum(1 << vector for vector in _WITH_ERROR)
    code = b"\x48\x89\xd8" + save(MAILBOX + abi.MB_ARGS)  # mov rax, rbx
    error = load(end - 48) + save(MAILBOX + abi.MB_ARGS + 8)
    code += mov("rax", mask) + b"\x48\x0f\xa3\xd8" + b"\x73" + bytes((len(error),))  # bt; jnc
    code += error
    code += load(end - 40) + save(MAILBOX + abi.MB_ARGS + 16)
    code += load(end - 64) + save(MAILBOX + abi.MB_ARGS + 24)
    code += load(end - 16) + save(MAILBOX + abi.MB_ARGS + 32)
    code += b"\x48\x89\xe8" + save(MAILBOX + abi.MB_ARGS + 40)  # mov rax, rbp
    return code + store(MAILBOX + abi.MB_OP, abi.HC_FAULT) + OUT + SPIN


def raw_elf(code: bytes, *, on_fault: bytes | None = None) -> bytes:
    """An ELF64 with ``code`` at its entry, and a writable page at ``DATA``.

    ``on_fault``: run this after any exception instead of reporting it.
    """
    pads = b"".join(_pad(vector) for vector in range(abi.VECTORS))
    common = on_fault if on_fault is not None else _report()
    jump = len(pads) + abi.LANDING_OFFSET + len(common) - 5
    text = (b"\xe9" + struct.pack("<i", jump)).ljust(abi.LANDING_OFFSET, b"\xcc")
    text += pads + common + code + SPIN
    headers = 64 + 2 * 56
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01", 2, 62, 1, _CODE, 64, 0, 0, 64, 56, 2, 0, 0, 0,
    )  # fmt: skip
    load_text = struct.pack("<IIQQQQQQ", 1, 5, headers, _CODE, _CODE, len(text), len(text), 4096)
    load_data = struct.pack("<IIQQQQQQ", 1, 6, headers, DATA, DATA, 0, abi.PAGE, 4096)
    return header + load_text + load_data + text
