"""Landlock: a process that can open nothing, connect to nothing and signal nobody outside.

Three system calls, no library. What the kernel's version of it does not know yet is left out; the
file system has been covered by the first version.
"""

from __future__ import annotations

import os
import struct
from typing import Final

from hypercell.vmm import libc
from hypercell.vmm.errors import IsolationMissing
from hypercell.vmm.syscalls import NUMBERS

READ_FILE: Final = 1 << 2
WRITE_FILE: Final = 1 << 1

_VERSION = 1  # flag of landlock_create_ruleset: tell the version
_PATH_BENEATH = 1
_FILES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # version -> how many rights on files it knows
_TCP, _TCP_SINCE = 0b11, 4  # bind, connect
_SCOPES, _SCOPES_SINCE = 0b11, 6  # abstract Unix sockets, signals


def version() -> int:
    """The version of this kernel's Landlock. Raises ``IsolationMissing``."""
    found = libc.syscall(NUMBERS["landlock_create_ruleset"], 0, 0, _VERSION)
    if found < 1:
        raise IsolationMissing("landlock", f"landlock(7) says: {os.strerror(-found)}")
    return found


def ruleset(*readable: str) -> int:
    """A descriptor of rules that deny everything but reading and writing files below ``readable``.

    Raises ``IsolationMissing``.
    """
    known = version()
    files = (1 << _FILES[min(known, max(_FILES))]) - 1
    fields = [files]
    if known >= _TCP_SINCE:
        fields.append(_TCP)
    if known >= _SCOPES_SINCE:
        fields.append(_SCOPES)
    packed = struct.pack(f"<{len(fields)}Q", *fields)
    rules = libc.syscall(NUMBERS["landlock_create_ruleset"], libc.address(packed), len(packed))
    _check(rules)
    for path in readable:
        directory = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("<Qi", READ_FILE | WRITE_FILE, directory)
        _check(libc.syscall(NUMBERS["landlock_add_rule"], rules, _PATH_BENEATH, libc.address(rule)))
        os.close(directory)
    return rules


def restrict(rules: int) -> None:
    """Put this process under the rules for good. no_new_privs must be set."""
    _check(libc.syscall(NUMBERS["landlock_restrict_self"], rules))


def _check(result: int) -> None:
    if result < 0:
        raise IsolationMissing("landlock", f"landlock(7) says: {os.strerror(-result)}")
