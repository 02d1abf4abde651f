"""What the zygote does so that no worker pays for it: the first use of types, calls and code.

A message type costs msgspec a millisecond or two when it is first decoded, a structure costs cffi
tens of microseconds when it is first made. Python specialises a function once it has run a few
times, and writes into its code until then: in each worker anew, to pages that it must copy first.
Forked workers inherit what was found out.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from hypercell.vmm import abi, clock, cpu_state, delta, kvm, libc, memfd
from hypercell.vmm.arenas import UNITS, ArenaRecords
from hypercell.vmm.channel import decoder
from hypercell.vmm.delta import DeltaState, Stretch
from hypercell.vmm.delta_pages import HOT
from hypercell.vmm.errors import HypercellError
from hypercell.vmm.machine import Machine
from hypercell.vmm.page_tables import FIRST_FREE_TABLE
from hypercell.vmm.session_memory import SessionMemory
from hypercell.vmm.snapshot import Snapshot, SnapshotState

_LIVES = 12  # until Python 3.11 has specialised what runs once in each
_UNITS = 2  # of an arena, and one of RAM
_ARENA, _RAM = 1, 9
_STRETCHES = 12  # of pages in each unit, by turns of two pieces
_UNIT_PAGES: Final = abi.HUGE // abi.PAGE


def messages(received: Iterable[Any], sent: Iterable[msgspec.Struct]) -> None:
    """Prepare decoders of the ``received`` types and encoders of the ``sent`` ones."""
    for kind in received:
        decoder(kind)
    for message in sent:
        msgspec.msgpack.encode(message)


def virtual_machine(device: int) -> None:
    """Make a VM that never runs, with every call a worker makes, and close it.

    Raises ``KvmUnavailable``, ``SystemCallFailed``.
    """
    vm = kvm.Vm(device)
    memory = libc.Reservation(abi.HUGE)
    try:
        vm.add_memory(0, abi.HUGE, memory.address)
        vm.reset_cpu()
        vm.set_xsave(vm.xsave())
        vm.set_registers(vm.registers())
        clock.read(vm, clock.ns_per_tick(vm))
    finally:
        vm.close()
        memory.close()


def lives(device: int) -> Iterator[None]:
    """Lead VMs of a session through all that a worker does with one, but none runs; each ends with
    a ``yield``. It is an attempt: the first that fails is the last.
    """
    with contextlib.suppress(HypercellError, OSError, MemoryError):
        for _ in range(_LIVES):
            _live(device)
            yield


def _live(device: int) -> None:
    hot = [(abi.POOL_BASE, abi.POOL_BASE + abi.HUGE)]
    with contextlib.ExitStack() as stack:
        fd = memfd.create("rehearsal")
        stack.callback(os.close, fd)
        os.ftruncate(fd, abi.POOL_BASE + _UNITS * abi.HUGE)
        for gpa in (_RAM * abi.HUGE, abi.POOL_BASE):
            os.pwrite(fd, b"x", gpa)
        machine = Machine.fork(
            device,
            Snapshot(fd, SnapshotState.unpack(_state())),
            limits_memory=0,
            pagemap=libc.open_pagemap(),
        )
        stack.callback(machine.close)
        machine.populate()
        machine.warm_up()
        machine.written_units(HOT)
        machine.refresh()
        memory = SessionMemory()
        pieces = [memfd.create("piece") for _ in range(2)]
        for piece in pieces:
            os.ftruncate(piece, (_UNITS + 1) * _UNIT_PAGES * abi.PAGE)
        machine.adopt(_session(), delta.pack_index(_index()), pieces, [], memory.fd, hot)
        os.close(machine.changes(full=False)[1])


@functools.cache
def _state() -> bytes:
    """Of a snapshot with an arena of a few units, as it travels."""
    committed = [0] * abi.ARENA_COUNT
    committed[_ARENA] = _UNITS * abi.HUGE
    unit = _RAM * _UNIT_PAGES
    state = SnapshotState(
        registers=_registers(),
        xsave=bytes(cpu_state.XSAVE_SIZE),
        arenas=ArenaRecords(
            tuple(committed), {_ARENA * UNITS + at: at for at in range(_UNITS)}, _UNITS
        ),
        next_table=FIRST_FREE_TABLE,
        code=(),
        layers=(),
        ring_position=0,
        deferred=False,
        ram=((unit, unit + _UNIT_PAGES),),
        extents=(
            (_RAM * abi.HUGE, (_RAM + 1) * abi.HUGE),
            (abi.POOL_BASE, abi.POOL_BASE + _UNITS * abi.HUGE),
        ),
    )
    return msgspec.msgpack.encode(state)


def _session() -> DeltaState:
    committed = [0] * abi.ARENA_COUNT
    committed[_ARENA] = _UNITS * abi.HUGE + abi.PAGE  # a cell needed more
    return DeltaState(_registers(), bytes(cpu_state.XSAVE_SIZE), tuple(committed), (), 0)


def _registers() -> cpu_state.Registers:
    values = dict.fromkeys(cpu_state.REGISTER_NAMES, 0)
    return cpu_state.Registers(**values | {"rflags": 2})


def _index() -> list[Stretch]:
    firsts = [
        _RAM * _UNIT_PAGES,
        *(delta.arena_page(_ARENA, at * _UNIT_PAGES) for at in range(_UNITS)),
    ]
    step = _UNIT_PAGES // _STRETCHES
    pages = [first + at * step for first in firsts for at in range(_STRETCHES)]
    return [Stretch(page, page + 1, at % 2, at) for at, page in enumerate(pages)]
