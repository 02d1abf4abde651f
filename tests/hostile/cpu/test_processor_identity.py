"""Looks for virtualisation in CPUID, to nest or to call the host.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import mov, wait

from hypercell.vmm import kvm

STOPPED_BY = (Layer.HARMLESS,)


def test_cpuid_shows_no_virtualisation(attack: Attack, kvm_fd: int) -> None:
    """What the host tells KVM to show: no VMX, no SVM, no paravirtual features."""
    assert attack(mov("rax", 0) + b"\x0f\xa2" + wait()).start() == b""
    data = kvm.features(kvm_fd).cpuid
    words = memoryview(data)[8:].cast("I")
    leaves = {words[at]: words[at + 3 : at + 7] for at in range(0, len(words), 10)}
    assert not leaves[1][2] >> 5 & 1
    assert not leaves[0x8000_0001][2] >> 2 & 1
    assert not any(leaves.get(0x4000_0001, ()))
