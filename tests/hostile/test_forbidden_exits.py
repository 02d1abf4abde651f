"""Exits that only a broken host table could cause: still typed, still named."""

from __future__ import annotations

from harness import Attack
from rawguest import load, store, wait

from hypercell.vmm import abi, libc, page_tables
from hypercell.vmm.errors import ProtocolViolation

WINDOW = abi.ARENA_BASE + 5 * abi.ARENA_STRIDE
HOLE = abi.TABLES_BASE + abi.TABLES_SIZE  # guest-physical, in no slot


def test_a_read_of_a_hole_in_guest_physical_memory(attack: Attack) -> None:
    raw = attack(wait() + load(WINDOW))
    raw.start()
    raw.machine._tables.map(WINDOW, HOLE, abi.PAGE, page_tables.READ_WRITE)
    raw.fails(ProtocolViolation, f"MMIO: 8-byte read from {HOLE:#x}, rip 0x", start=False)


def test_a_write_to_a_hole_in_guest_physical_memory(attack: Attack) -> None:
    raw = attack(wait() + store(WINDOW, 1))
    raw.start()
    raw.machine._tables.map(WINDOW, HOLE, abi.PAGE, page_tables.READ_WRITE)
    raw.fails(ProtocolViolation, f"MMIO: 8-byte write to {HOLE:#x}", start=False)


def test_memory_whose_host_side_is_inaccessible(attack: Attack) -> None:
    raw = attack(wait() + store(WINDOW, 1))
    raw.start()
    raw.machine._tables.map(WINDOW, abi.POOL_BASE, abi.PAGE, page_tables.READ_WRITE)
    libc.mprotect(raw.machine._memory.pool[0].address, abi.PAGE, libc.PROT_NONE)
    raw.fails(ProtocolViolation, "memory that is not there", start=False)


def test_an_idt_that_is_gone(attack: Attack) -> None:
    """A fault without a handler is a triple fault: SHUTDOWN, or whatever the backend says."""
    raw = attack(wait() + b"\x0f\x0b")
    raw.start()
    raw.machine._memory.view(abi.IDT, abi.PAGE)[:] = bytes(abi.PAGE)
    raw.fails(ProtocolViolation, "forbidden exit", start=False)
