"""Instructions of the kernel, from ring 3: a fault each, or nothing that leaves the VM."""

from __future__ import annotations

import pytest
from harness import Attack
from rawguest import DATA, MAILBOX, mov, wait

from hypercell.vmm import abi, cpu_state, kvm
from hypercell.vmm.errors import GuestCrash, GuestError

FAULTS = {
    "cli": b"\xfa",
    "sti": b"\xfb",
    "hlt": b"\xf4",
    "lgdt": mov("rax", DATA) + b"\x0f\x01\x10",
    "lidt": mov("rax", DATA) + b"\x0f\x01\x18",
    "lldt": b"\x31\xc0\x0f\x00\xd0",
    "ltr": b"\x31\xc0\x0f\x00\xd8",
    "lmsw": b"\x31\xc0\x0f\x01\xf0",
    "clts": b"\x0f\x06",
    "mov cr0": b"\x0f\x22\xc0",
    "mov cr2": b"\x0f\x22\xd0",
    "mov cr3": b"\x0f\x22\xd8",
    "mov cr4": b"\x0f\x22\xe0",
    "mov from cr3": b"\x0f\x20\xd8",
    "mov from cr0": b"\x0f\x20\xc0",
    "mov dr7": b"\x0f\x23\xf8",
    "rdmsr": mov("rcx", 0xC000_0080) + b"\x0f\x32",
    "wrmsr efer": mov("rcx", 0xC000_0080) + b"\x0f\x30",
    "wrmsr lstar": mov("rcx", 0xC000_0082) + b"\x0f\x30",
    "invlpg": b"\x0f\x01\x38",
    "invd": b"\x0f\x08",
    "wbinvd": b"\x0f\x09",
    "swapgs": b"\x0f\x01\xf8",
    "xsetbv": b"\x31\xc9\x31\xd2\x31\xc0\x0f\x01\xd1",
    "sysexit": b"\x0f\x35",
    "ud2": b"\x0f\x0b",
    "load a ring-0 data segment": mov("rax", cpu_state.DATA0) + b"\x8e\xd8",
    "retf to ring 0": b"\x6a\x08\x68\x00\x00\x20\x00\x48\xcb",
    "iretq to ring 0": b"\x6a\x10\x54\x6a\x02\x6a\x08\x68\x00\x00\x20\x00\x48\xcf",
}
# What the backends answer differently: any typed error will do, and none may be a success.
ENDS = {
    "syscall": b"\x0f\x05",
    "sysret": b"\x48\x0f\x07",
    "sysenter": b"\x0f\x34",
    "int 0x80": b"\xcd\x80",
    "int 3": b"\xcc",
    "int 14": b"\xcd\x0e",
    "vmrun": b"\x0f\x01\xd8",
    "vmxoff": b"\x0f\x01\xc4",
    "vmlaunch": b"\x0f\x01\xc2",
    "rsm": b"\x0f\xaa",
}

# `vmmcall` where KVM wants `vmcall`: KVM patches the text as if the guest did, and faults.
HARMLESS = {
    "vmcall": mov("rax", 5) + b"\x0f\x01\xc1",
    "vmmcall": mov("rax", 5) + b"\x0f\x01\xd9",
    "load the TSS as data": mov("rax", cpu_state.TASK | 3) + b"\x8e\xd8",
}


@pytest.mark.parametrize("name", FAULTS)
def test_it_faults(attack: Attack, name: str) -> None:
    crash = attack(FAULTS[name] + wait()).fails(GuestCrash)
    assert crash.vector in (6, 13)
    assert abi.IMAGE <= crash.rip < abi.IMAGE + abi.IMAGE_SIZE


@pytest.mark.parametrize("name", ENDS)
def test_it_ends_the_vm(attack: Attack, name: str) -> None:
    attack(ENDS[name] + wait()).fails(GuestError)


@pytest.mark.parametrize("name", HARMLESS)
def test_it_gains_nothing(attack: Attack, name: str) -> None:
    """An error in rax, a segment of the backend's own table, or a fault: all end in the guest."""
    assert attack(HARMLESS[name] + wait()).vector_or_wait() in (None, 6, 13, 14)


def test_flags_cannot_be_raised(attack: Attack) -> None:
    """popf in ring 3 leaves IF and IOPL as they are."""
    code = b"\x68\x02\x32\x00\x00\x9d\x9c\x58" + mov("rcx", MAILBOX + abi.MB_ARGS + 8)
    code += b"\x48\x89\x01"  # the flags as they are now
    raw = attack(code + wait() + b"\xfa")
    raw.start()
    assert raw.machine._mailbox.read_call().args[1] & 0x3000 in (0, 0x3000)  # may be shown…
    raw.fails(GuestCrash, "general protection", start=False)  # …but cli still faults


def test_cpuid_shows_no_virtualisation(kvm_fd: int) -> None:
    """What the host tells KVM to show: no VMX, no SVM, no paravirtual features."""
    data = kvm.features(kvm_fd).cpuid
    words = memoryview(data)[8:].cast("I")
    leaves = {words[at]: words[at + 3 : at + 7] for at in range(0, len(words), 10)}
    assert not leaves[1][2] >> 5 & 1
    assert not leaves[0x8000_0001][2] >> 2 & 1
    assert not any(leaves.get(0x4000_0001, ()))


def test_cpuid_itself_is_harmless(attack: Attack) -> None:
    assert attack(mov("rax", 0) + b"\x0f\xa2" + wait()).start() == b""
