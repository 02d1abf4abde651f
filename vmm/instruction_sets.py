"""The instruction sets of user mode that compiled code uses, as CPUID shows them to the guest.

kvm_pvm runs ring 3 on the bare processor but lists next to nothing in its CPUID (measured), and
Wasmtime then refuses all code. What the host itself has, ring 3 of a guest has.
"""

from __future__ import annotations

from typing import Final

_CPUINFO: Final = "/proc/cpuinfo"

# By leaf, register (0 eax to 3 edx) and bit, as the flags of /proc/cpuinfo name them.
_BITS: Final[dict[tuple[int, int], dict[str, int]]] = {
    (0x1, 2): {
        "pni": 0,
        "ssse3": 9,
        "fma": 12,
        "cx16": 13,
        "sse4_1": 19,
        "sse4_2": 20,
        "movbe": 22,
        "popcnt": 23,
        "xsave": 26,
        "avx": 28,
        "f16c": 29,
    },
    (0x7, 1): {"bmi1": 3, "avx2": 5, "bmi2": 8},
    (0x8000_0001, 2): {"lahf_lm": 0, "abm": 5},
}


def host_flags() -> frozenset[str]:
    """What the first processor of this host has, by the names of ``/proc/cpuinfo``."""
    with open(_CPUINFO) as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == "flags":
                return frozenset(value.split())
    return frozenset()


def add_to_cpuid(
    function: int, index: int, registers: tuple[int, int, int, int], flags: frozenset[str]
) -> tuple[int, int, int, int]:
    """Return a CPUID leaf with the bits of those instruction sets that ``flags`` names."""
    leaf = list(registers)
    for (known, register), bits in _BITS.items():
        if function == known and index == 0:
            for name, bit in bits.items():
                leaf[register] |= (name in flags) << bit
    eax, ebx, ecx, edx = leaf
    return eax, ebx, ecx, edx
