"""Seccomp filters: lists of allowed system calls as BPF programs, and their installation.

A filter is generated here and not by libseccomp: it is a comparison per call, and a shared library
that a machine may lack must not decide whether there is a filter. x86-64 only, like the rest.
Whatever no rule allows kills the process (SIGSYS).
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable
from typing import Final

import msgspec

from hypercell.vmm import libc
from hypercell.vmm.errors import IsolationMissing
from hypercell.vmm.syscalls import NUMBERS

KILL: Final = 0x8000_0000  # the process, not the thread
ALLOW: Final = 0x7FFF_0000
SET_MODE_FILTER: Final = 1  # seccomp(2): this operation
SELF: Final = 0x5E1F_5E1F  # in a program: the process id of whoever installs it

_ERRNO = 0x0005_0000
_GET_ACTION_AVAIL = 2
_ALL_THREADS = 1  # SECCOMP_FILTER_FLAG_TSYNC: all threads of the process, or an error
_AUDIT_ARCH_X86_64 = 0xC000_003E
_X32 = 0x4000_0000  # numbers from here on belong to the x32 ABI
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data


class Rule(msgspec.Struct, frozen=True):
    """What happens to one system call.

    ``argument`` (0-5) narrows it: to ``values``, if there are any, and to those without ``bits``
    (of ``bits_argument``, if that is another one).
    Only the low half is compared: every argument that we check is an int for the kernel.
    ``outcome``: of a call that fits; ``otherwise``: of one that does not.
    """

    name: str
    argument: int = 0
    values: tuple[int, ...] = ()
    bits: int = 0
    bits_argument: int | None = None
    outcome: int = ALLOW
    otherwise: int = KILL


def allow(*names: str) -> tuple[Rule, ...]:
    """Rules for calls with any arguments."""
    return tuple(map(Rule, names))


def refuse(name: str, code: int) -> Rule:
    """A rule for a call that fails with an errno; 0: it does nothing and reports success."""
    return Rule(name, outcome=failure(code))


def failure(code: int) -> int:
    """The outcome "fails with this errno"."""
    return _ERRNO | code


def program(rules: Iterable[Rule]) -> bytes:
    """The BPF program of a list of rules; earlier ones are found faster."""
    code = [
        _op(_LOAD, _ARCH),
        _op(_JUMP_EQUAL, _AUDIT_ARCH_X86_64, 1, 0),
        _op(_RETURN, KILL),
        _op(_LOAD, _NUMBER),
        _op(_JUMP_AT_LEAST, _X32, 0, 1),
        _op(_RETURN, KILL),
    ]
    for rule in rules:
        body = _body(rule)
        code += [_op(_JUMP_EQUAL, NUMBERS[rule.name], 0, len(body)), *body]
    return b"".join([*code, _op(_RETURN, KILL)])


def _body(rule: Rule) -> list[bytes]:
    """Decide about a call with the right number; always returns, never falls through."""
    code = []
    if rule.bits:
        argument = rule.argument if rule.bits_argument is None else rule.bits_argument
        code.append(_op(_LOAD, _ARGUMENTS + 8 * argument))
        code += [_op(_JUMP_ANY_BIT, rule.bits, 0, 1), _op(_RETURN, rule.otherwise)]
    if rule.values:
        code.append(_op(_LOAD, _ARGUMENTS + 8 * rule.argument))
        last = len(rule.values)
        for index, value in enumerate(rule.values):
            code.append(_op(_JUMP_EQUAL, value, last - index, 0))
        code.append(_op(_RETURN, rule.otherwise))
    return [*code, _op(_RETURN, rule.outcome)]


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def problem() -> str:
    """Why this kernel cannot filter system calls; empty if it can."""
    action = struct.pack("<I", KILL)
    result = libc.syscall(NUMBERS["seccomp"], _GET_ACTION_AVAIL, 0, libc.address(action))
    return f"seccomp(2) says: {os.strerror(-result)}" if result < 0 else ""


def install(filter_program: bytes) -> None:
    """Filter this process from now on; nothing can take that back. Raises ``IsolationMissing``.

    no_new_privs must be set.
    """
    own = filter_program
    if (mark := struct.pack("<I", SELF)) in own:
        own = own.replace(mark, struct.pack("<I", os.getpid()))
    result = libc.seccomp_filter(NUMBERS["seccomp"], SET_MODE_FILTER, _ALL_THREADS, own)
    if result:
        code = -result if result < 0 else errno.ESRCH  # positive: a thread that cannot follow
        raise IsolationMissing("seccomp", f"seccomp(2) says: {os.strerror(code)}")
