"""Target: a component in a live VM that makes any calls of WASI 0.2 with any arguments."""

from __future__ import annotations

import functools
import struct

from guest_vm import GuestVm
from live import MEMORY, Host, judged, kvm_fd
from source import Source, random_seeds
from target import Target
from wasi2_component import (
    CALLS,
    FUNCTIONS,
    NUMBERS,
    RECORD,
    SLOT,
    SLOTS,
    TEXT_AT,
    TEXTS,
    text,
)

from hypercell.kernel.home import Home
from hypercell.vmm import abi, codec
from hypercell.vmm import commands as c
from hypercell.vmm.errors import TimedOut
from hypercell.vmm.machine import Machine
from hypercell.vmm.program import Limits
from hypercell.vmm.run_loop import Deferred

_QUOTA = 1 << 20
_CREATE, _READ_WRITE = 1, 3 | 1 << 5
_MOUNTS: tuple[c.Command, ...] = (
    c.Quota(_QUOTA, 256, _QUOTA, 256),
    c.Mount("/home", None, abi.MOUNT_HOME),
    c.Wasi(preopens=("/home",), stdin=True),
    c.Instantiate(0),
)
_LIMITS = Limits()


def _call(number: int, slot: int, arguments: list[int], mask: int = 0) -> bytes:
    given = [*arguments, *([0] * (RECORD // 8 - 1 - len(arguments)))]
    kinds = FUNCTIONS[number][1]
    for at, kind in enumerate(kinds):
        if kind == "result":
            given[at] = SLOTS + SLOT * slot
    return struct.pack(f"<II{len(given)}Q", number, mask, *given)


def _prelude() -> bytes:
    """A directory, a file with something in it, a link, and one handle of each kind."""
    a, d = TEXT_AT[0], TEXT_AT[2]
    file = "[method]descriptor."
    calls = (
        ("get-directories", [0]),
        (file + "create-directory-at", [1, d, 1]),
        (file + "open-at", [1, 0, a, 1, _CREATE, _READ_WRITE]),
        (file + "write", [2, 0, 60, 0]),
        (file + "symlink-at", [1, d, 1, TEXT_AT[4], 1]),
        (file + "read-directory", [1]),
        (file + "read-via-stream", [2, 0]),
        (file + "append-via-stream", [2]),
        ("get-stdin", []),
        ("get-stdout", []),
    )
    return b"".join(
        _call(NUMBERS[name], slot, arguments) for slot, (name, arguments) in enumerate(calls)
    )


_HANDLES = {"file": (1, 1, 2), "listing": (3,), "in": (4, 6), "out": (5, 7)}
_BEFORE = _prelude()
_PRELUDE_CALLS = len(_BEFORE) // RECORD


def _argument(source: Source, kind: str, slot: int) -> tuple[int, bool]:
    """(number, whether it is where to find it): mostly something that makes sense."""
    if kind in _HANDLES:
        if source.rarely():
            return SLOTS + 4 + SLOT * source.below(slot), True
        return (source.wild() if source.rarely() else source.pick(_HANDLES[kind])), False
    match kind:
        case "at":
            return source.pick(TEXT_AT[:-1]), False
        case "case":
            return source.below(3), False
        case "u64":
            return source.wild(), False
        case "result":
            return 0, False
        case _:
            return source.below(40), False


def _calls(source: Source) -> bytes:
    made = _BEFORE
    for slot in range(_PRELUDE_CALLS, CALLS):
        if not source:
            break
        number = source.below(len(FUNCTIONS))
        arguments, mask = [], 0
        for at, kind in enumerate(FUNCTIONS[number][1]):
            if kind == "size" and arguments[-1] in TEXT_AT:
                arguments.append(len(TEXTS[TEXT_AT.index(arguments[-1])]))
                continue
            value, found = _argument(source, kind, slot)
            if source.number() == 255:
                value, found = source.wild(), False
            arguments.append(value)
            mask |= found << at
        made += _call(number, slot, arguments, mask)
    return made


@functools.cache
def _parent() -> GuestVm:
    vm = GuestVm(kvm_fd())
    loaded = vm.run(c.Load(vm.map_component(text()), component=True))
    assert isinstance(loaded, c.Ok), loaded
    vm._snapshot = vm.machine.snapshot()
    return vm


def _wasi(data: bytes) -> None:
    """Every call is answered or traps; what is then in /home is what the kernel process accepts."""
    letters = "".join(
        chr(97 + (byte >> 4)) + chr(97 + (byte & 15)) for byte in _calls(Source(data))
    )
    parent = _parent()
    assert parent._snapshot is not None
    machine = Machine.fork(
        kvm_fd(), parent._snapshot, limits_memory=4 * MEMORY, code=parent._code_files
    )
    host = Host()

    def send(*commands: c.Command) -> c.Reply:
        reply = machine.run(codec.encode(commands, parent.code, []), host)
        assert not isinstance(reply, Deferred)
        return codec.decode(commands, reply)[-1]

    try:
        with judged(machine):
            made = send(*_MOUNTS)
            assert isinstance(made, c.Ok), made
            said = send(c.Call(0, "run", (letters,)))
            refused = isinstance(said, c.Failed) and said.status == abi.ST_REFUSED  # a quota
            assert refused or isinstance(said, c.Ok | c.Trapped), said
            tar = b""
            while isinstance(piece := send(c.Export()), c.Ok):
                tar += piece.data
                if not piece.size:
                    break
            assert isinstance(piece, c.Ok), piece
    except TimedOut:  # sleep, output and time have their limits
        return
    Home().apply(tar, _LIMITS) if tar else None


TARGETS = (Target("live_wasi_0_2", _wasi, (b"", *random_seeds(24)), allowed=(), cases=100),)
