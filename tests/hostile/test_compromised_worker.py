"""Code that has taken over a worker, before or after its VM is parked, or a compile.

What it tries is in ``takeover.py``: each dies, is refused, or does nothing.
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from jailed import Outcome, locked
from takeover import ALL, DEADLY, DEADLY_PARKED, KVM, LAST_CALL, REFUSED

from hypercell.vmm import filters, kvm, libc
from hypercell.vmm.filters import Filters
from hypercell.vmm.seccomp import Rule
from hypercell.vmm.syscalls import NUMBERS

_UPROBES = {335, 336}  # seccomp lets them pass since Linux 6.14: they fail but from a trampoline
Run = Callable[[str], Outcome]


class Kind(NamedTuple):
    server: Filters
    rules: tuple[Rule, ...]  # the narrowest that are in force
    requests: tuple[int, ...]  # of KVM


KINDS = {
    "worker": Kind(filters.ZYGOTE, filters.WORKER, kvm.REQUESTS),
    "parked worker": Kind(filters.ZYGOTE, filters.PARKED, kvm.PARKED_REQUESTS),
    "compile": Kind(filters.COMPILER, filters.COMPILE, ()),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def run(kind: str) -> Iterator[Run]:
    names = list(ALL)
    parked = kind == "parked worker"
    with locked(KINDS[kind].server, list(ALL.values()), narrow=parked) as attempt:
        yield lambda name: attempt(names.index(name))


def test_what_does_no_harm_lives(run: Run) -> None:
    assert run("nothing") == Outcome(None, 42, 0)


@pytest.mark.parametrize("name", DEADLY)
def test_it_dies(run: Run, name: str) -> None:
    assert run(name).killed
    assert run("nothing").value == 42  # and the server goes on


@pytest.mark.parametrize("name", DEADLY_PARKED)
def test_what_made_the_vm_dies_once_it_is_parked(run: Run, kind: str, name: str) -> None:
    assert run(name).killed == (kind == "parked worker" or not _may(kind, name))


def _may(kind: str, name: str) -> bool:
    """Whether it is on the list of those that have no VM yet, where it then fails or succeeds."""
    if kind == "worker":
        return name not in ("a signal handler", "KVM_GET_SREGS")  # it inherits what these are for
    return not name.startswith("KVM_") and name != "another filter"


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(run: Run, name: str) -> None:
    outcome = run(name)
    assert outcome.refused
    assert outcome.errno == REFUSED[name][1]


@pytest.mark.timeout(600)  # a fork for each of hundreds
def test_every_call_that_is_not_on_the_list_kills(run: Run, kind: str) -> None:
    listed = {NUMBERS[rule.name] for rule in KINDS[kind].rules} | _UPROBES
    alive = [n for n in range(LAST_CALL) if n not in listed and not run(f"call {n}").killed]
    assert not alive


@pytest.mark.parametrize("name", KVM)
def test_other_kvm_calls_kill(run: Run, name: str) -> None:
    assert run(name).killed


@pytest.mark.timeout(600)
def test_every_plain_kvm_call_that_is_not_on_the_list_kills(run: Run, kind: str) -> None:
    numbers = [0xAE00 | n for n in range(256) if 0xAE00 | n not in KINDS[kind].requests]
    assert not [hex(n) for n in numbers if not run(f"ioctl {n:#x}").killed]


def test_nothing_becomes_executable(run: Run, kind: str) -> None:
    outcome = run("mprotect")
    # In a compile the call reports success, for Wasmtime's sake; the memory is as it was.
    assert outcome.signal == (signal.SIGSYS if kind != "compile" else signal.SIGSEGV)


def test_threads_are_for_compiles(run: Run, kind: str) -> None:
    outcome = run("clone3")
    if kind != "compile":
        assert outcome.killed
    else:
        assert (outcome.value, outcome.errno) == (-1, errno.ENOSYS)


def test_many_threads_open_no_file(run: Run, kind: str) -> None:
    outcome = run("threads")
    assert outcome.killed if kind != "compile" else outcome.value == 20


def test_a_thread_that_frees_much_opens_no_file(run: Run, kind: str) -> None:
    outcome = run("much is freed")
    assert outcome.killed if kind != "compile" else outcome.value == 1


def test_the_32_bit_abi_is_closed(run: Run) -> None:
    # SIGSEGV: a kernel without that ABI
    assert run("the 32-bit ABI").signal in (signal.SIGSYS, signal.SIGSEGV)


def test_a_compile_can_abort(run: Run, kind: str) -> None:
    assert run("abort").signal == (signal.SIGSYS if kind != "compile" else signal.SIGABRT)


def test_the_pagemap_call_is_known() -> None:
    assert filters.WORKER[0].values[-1] == filters.PARKED[0].values[-1] == libc.PAGEMAP_SCAN
