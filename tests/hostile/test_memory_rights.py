"""Pages: what ring 3 may not read, write or execute, and what is not there."""

from __future__ import annotations

import pytest
from harness import Attack
from rawguest import DATA, MAILBOX, REPLY, load, mov, reply_u64, save, store, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

PAGE_FAULT = 14
VARIES = 9  # error bits for an absent page: present and reserved depend on the backend's upper half
ABSENT = {
    "null": 0,
    "page 0": 0xFF8,
    "PML4": abi.PML4,
    "PDPT": abi.PDPT_LOW,
    "PD": abi.PD_LOW,
    "PT": abi.PT_LOW,
    "low gap": abi.FAULT_RECORD + abi.PAGE,
    "fault stack guard": abi.FAULT_STACK - 8,
    "above the fault stack": abi.FAULT_STACK + abi.FAULT_STACK_SIZE,
    "behind the image": abi.IMAGE + abi.IMAGE_SIZE - 8,
    "stack guard": abi.STACK - 8,
    "dynamic tables": abi.TABLES_BASE,
    "gap above the tables": abi.TABLES_BASE + abi.TABLES_SIZE,
    "page after the mailbox": abi.SHARED_BASE + 2 * abi.PAGE,
    "behind the shared region": abi.SHARED_BASE + abi.SHARED_SIZE,
    "pool": abi.POOL_BASE,
    "code window": abi.CODE_BASE,
    "layer window": abi.LAYER_BASE,
    "arena 0": abi.ARENA_BASE,
    "last arena": abi.ARENA_BASE + (abi.ARENA_COUNT - 1) * abi.ARENA_STRIDE,
    "behind the arenas": abi.ARENA_BASE + abi.ARENA_COUNT * abi.ARENA_STRIDE,
    "code slot": abi.CODE_GPA,
    "top of user space": (1 << 47) - 8,
    "kernel half": 0xFFFF_8000_0000_0000,
    "last page": 0xFFFF_FFFF_FFFF_F000,
}
SUPERVISOR = {
    "GDT": abi.GDT,
    "IDT": abi.IDT,
    "TSS": abi.TSS,
    "stub": abi.STUB,
    "frames": abi.FRAMES,
    "kernel stack": abi.KERNEL_STACK,
}
READ_ONLY = {
    "text": abi.IMAGE,
    "fault record": abi.FAULT_RECORD,
    "stdin area": abi.SHARED_BASE + abi.STDIN_AREA,
    "command area": abi.SHARED_BASE + abi.COMMAND_AREA,
}
NO_EXECUTE = {
    "data": DATA,
    "heap": abi.HEAP,
    "stack": abi.STACK + abi.PAGE,
    "fault stack": abi.FAULT_STACK,
    "fault record": abi.FAULT_RECORD,
    "mailbox": MAILBOX,
    "ring": abi.SHARED_BASE + abi.RING,
    "reply area": REPLY,
    "command area": abi.SHARED_BASE + abi.COMMAND_AREA,
}


@pytest.mark.parametrize("place", ABSENT)
def test_reading_what_is_not_there(attack: Attack, place: str) -> None:
    crash = attack(load(ABSENT[place])).fails(GuestCrash, "page fault")
    assert (crash.vector, crash.error & ~VARIES, crash.address) == (PAGE_FAULT, 4, ABSENT[place])


@pytest.mark.parametrize("place", ABSENT)
def test_writing_what_is_not_there(attack: Attack, place: str) -> None:
    crash = attack(store(ABSENT[place], 1)).fails(GuestCrash, "page fault")
    assert (crash.vector, crash.error & ~VARIES, crash.address) == (PAGE_FAULT, 6, ABSENT[place])


@pytest.mark.parametrize("place", SUPERVISOR)
def test_reading_what_is_the_supervisors(attack: Attack, place: str) -> None:
    crash = attack(load(SUPERVISOR[place])).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (5, SUPERVISOR[place])


@pytest.mark.parametrize("place", SUPERVISOR)
def test_writing_what_is_the_supervisors(attack: Attack, place: str) -> None:
    crash = attack(store(SUPERVISOR[place], 1)).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (7, SUPERVISOR[place])


@pytest.mark.parametrize("place", SUPERVISOR)
def test_executing_what_is_the_supervisors(attack: Attack, place: str) -> None:
    crash = attack(mov("rax", SUPERVISOR[place]) + b"\xff\xe0").fails(GuestCrash, "page fault")
    assert (crash.error, crash.rip) == (0x15, SUPERVISOR[place])


@pytest.mark.parametrize("place", READ_ONLY)
def test_writing_what_is_read_only(attack: Attack, place: str) -> None:
    crash = attack(store(READ_ONLY[place], 1)).fails(GuestCrash, "page fault")
    assert (crash.error, crash.address) == (7, READ_ONLY[place])


@pytest.mark.parametrize("place", NO_EXECUTE)
def test_executing_data(attack: Attack, place: str) -> None:
    crash = attack(mov("rax", NO_EXECUTE[place]) + b"\xff\xe0").fails(GuestCrash, "page fault")
    assert (crash.error, crash.rip) == (0x15, NO_EXECUTE[place])


@pytest.mark.parametrize(
    "address", [0x0000_8000_0000_0000, 0x8000_0000_0000_0000, 0xFFFF_7FFF_FFFF_FFF8], ids=hex
)
def test_non_canonical_addresses(attack: Attack, address: int) -> None:
    assert attack(load(address)).fails(GuestCrash, "general protection").vector == 13


def test_a_jump_to_a_non_canonical_address(attack: Attack) -> None:
    attack(mov("rax", 1 << 62) + b"\xff\xe0").fails(GuestCrash, "general protection")


def test_the_record_page_shows_only_the_faults_of_this_guest(attack: Attack) -> None:
    """It starts as zeros: nothing of another VM or of this process."""
    raw = attack(load(abi.FAULT_RECORD + abi.PAGE - 40) + save(REPLY) + wait(8))
    assert raw.start() == bytes(8)


def test_fresh_memory_is_zero(attack: Attack) -> None:
    """No bytes of an earlier VM: the whole heap is summed up by the guest."""
    count = abi.HEAP_SIZE // 8 // 64
    loop = b"\x48\x0b\x06\x48\x81\xc6\x00\x02\x00\x00\x48\xff\xc9\x75\xf1"  # or rax,[rsi]; add…
    code = mov("rax", 0) + mov("rsi", abi.HEAP) + mov("rcx", count) + loop + save(DATA)
    raw = attack(code + reply_u64(DATA))
    assert raw.start() == bytes(8)


def test_no_leaf_is_writable_and_executable(attack: Attack) -> None:
    """Walks every table from the root, as the processor does; no table is mapped either."""
    raw = attack(wait())
    raw.start()
    leaves = list(_leaves(raw.machine))
    assert leaves
    tables = range(abi.TABLES_BASE, abi.TABLES_BASE + abi.TABLES_SIZE)
    low_tables = range(abi.PML4, abi.GDT)
    for gva, gpa, rights in leaves:
        writable, executable = bool(rights & 2), not rights >> 63
        assert not (writable and executable), hex(gva)
        assert gpa not in tables
        assert gpa not in low_tables, hex(gva)


def _leaves(machine):  # type: ignore[no-untyped-def]
    def walk(table, level, base):  # type: ignore[no-untyped-def]
        entries = machine._memory.view(table, abi.PAGE).cast("Q")
        for index, entry in enumerate(entries):
            if not entry & 1:
                continue
            gva = base | index << 12 + 9 * level
            if level == 0 or entry & 0x80:
                yield gva, entry & 0x000F_FFFF_FFFF_F000, entry & (1 << 63 | 7)
            else:
                yield from walk(entry & 0x000F_FFFF_FFFF_F000, level - 1, gva)

    return walk(abi.PML4, 3, 0)
