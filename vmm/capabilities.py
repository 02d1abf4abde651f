"""Capabilities: a process that root started drops all of them, for good.

The user stays: without capabilities and with no way to open a file or run a program, being root
gives nothing, and another user would only add one that may own something on this machine.
"""

from __future__ import annotations

import os
import struct
from typing import Final

from hypercell.vmm import libc
from hypercell.vmm.errors import SystemCallFailed
from hypercell.vmm.syscalls import NUMBERS

_CAPBSET_READ, _CAPBSET_DROP, _CAP_AMBIENT, _CLEAR_ALL = 23, 24, 47, 4
_VERSION_3: Final = 0x2008_0522
_MOST = 64


def drop() -> None:
    """Drop the bounding, ambient, inheritable, permitted and effective sets.

    The bounding set is what an exec could give back; only who has CAP_SETPCAP can empty it, and
    nobody else's is worth anything: no_new_privs is set. Raises ``SystemCallFailed``.
    """
    libc.prctl(_CAP_AMBIENT, _CLEAR_ALL)
    for capability in range(_MOST):
        try:
            if libc.prctl(_CAPBSET_READ, capability):
                libc.prctl(_CAPBSET_DROP, capability)
        except SystemCallFailed:  # beyond the last one there is, or not ours to drop
            break
    header = struct.pack("<Ii", _VERSION_3, 0)
    none = bytes(24)
    result = libc.syscall(NUMBERS["capset"], libc.address(header), libc.address(none))
    if result < 0:
        raise SystemCallFailed("capset", -result, f"capset failed: {os.strerror(-result)}")
