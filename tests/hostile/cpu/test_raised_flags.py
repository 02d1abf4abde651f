"""Raises IF and IOPL in the flags, for ports and interrupts.

Has: arbitrary machine code in ring 3, as after an escape from Wasmtime.
"""

from __future__ import annotations

from harness import Attack
from layers import Layer
from rawguest import MAILBOX, mov, wait

from hypercell.vmm import abi
from hypercell.vmm.errors import GuestCrash

STOPPED_BY = (Layer.PROCESSOR, Layer.HARMLESS)


def test_flags_cannot_be_raised(attack: Attack) -> None:
    """popf in ring 3 leaves IF and IOPL as they are."""
    code = b"\x68\x02\x32\x00\x00\x9d\x9c\x58" + mov("rcx", MAILBOX + abi.MB_ARGS + 8)
    code += b"\x48\x89\x01"  # the flags as they are now
    raw = attack(code + wait() + b"\xfa")
    raw.start()
    assert raw.machine._mailbox.read_call().args[1] & 0x3000 in (0, 0x3000)  # may be shown…
    raw.fails(GuestCrash, "general protection", start=False)  # …but cli still faults
