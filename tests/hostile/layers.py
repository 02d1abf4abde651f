"""Which layer stopped an attack, as its error shows."""

from __future__ import annotations

from enum import Enum, auto

from hypercell.kernel.errors import BuildError, CellException, FileRefused, UsageError
from hypercell.vmm.errors import (
    CompileLimitExceeded,
    ExitStatus,
    GuestCrash,
    GuestPanic,
    Interrupted,
    InvalidModule,
    InvokeError,
    LimitExceeded,
    LinkError,
    ProtocolViolation,
    TimedOut,
    Trap,
    WorkerLost,
)


class Layer(Enum):
    """From the innermost."""

    COMPILER = auto()  # a compiler in a VM without files: it finds nothing, or refuses
    WASM = auto()  # validation, linking, or a trap
    WASI = auto()  # the guest's own system: no such file, no such right; the program sees it
    IMAGE = auto()  # the guest image gave up by itself
    PROCESSOR = auto()  # a fault in ring 3
    EXIT = auto()  # an exit of the VM that is not on the list
    MAILBOX = auto()  # the host's checks of what the guest wrote
    LIMITS = auto()  # time, memory, output, files
    WORKER = auto()  # the process died
    KERNEL = auto()  # the kernel process: what a magic may, what a name may be
    HARMLESS = auto()  # nothing to stop: it gains nothing


_EXITS = ("forbidden exit", "memory that is not there", "VM by")
_LAYERS: tuple[tuple[tuple[type[Exception], ...], Layer], ...] = (
    ((CompileLimitExceeded, TimedOut, Interrupted, LimitExceeded), Layer.LIMITS),
    ((Trap, InvalidModule, LinkError, InvokeError), Layer.WASM),
    ((BuildError,), Layer.COMPILER),
    ((CellException, ExitStatus), Layer.WASI),
    ((GuestPanic,), Layer.IMAGE),
    ((GuestCrash,), Layer.PROCESSOR),
    ((WorkerLost,), Layer.WORKER),
    ((UsageError, FileRefused), Layer.KERNEL),
)


def layer_of(error: BaseException | None) -> Layer:
    """The layer that an error comes from. AssertionError: an error that is none of the tree."""
    if error is None:
        return Layer.HARMLESS
    if isinstance(error, ProtocolViolation):
        exits = any(text in error.message for text in _EXITS)
        return Layer.EXIT if exits else Layer.MAILBOX
    for kinds, layer in _LAYERS:
        if isinstance(error, kinds):
            return layer
    raise AssertionError(f"an error that no layer has: {error!r}")
