"""Every error that Hypercell raises on purpose: one tree.

Each message says what happened, where, and what to do. ``kernel/errors.py`` hangs the errors of
the notebook (magics, builds, toolchains, configuration) below the same root::

    HypercellError
    ├── HostError                 this machine cannot do what was asked
    │   ├── KvmUnavailable        no usable /dev/kvm
    │   ├── SystemCallFailed      a KVM or memory call failed (call, errno)
    │   ├── IsolationMissing      a layer of the jail is not in force (layer)
    │   └── ImageMissing          the guest image is not built, or is for another ABI
    ├── CellError                 the program ended badly; its session is as it was before
    │   ├── Trap                  a WebAssembly trap, with frames
    │   ├── ExitStatus            the program ended with a code other than 0
    │   ├── LinkError             imports that do not resolve
    │   ├── InvokeError           no such export, wrong argument types
    │   ├── TimedOut              wall-time limit
    │   ├── Interrupted           cancelled by the user
    │   └── LimitExceeded
    │       ├── MemoryLimitExceeded
    │       ├── OutputLimitExceeded
    │       └── HomeLimitExceeded   bytes, files or path depth under /home
    ├── GuestError                the guest failed or lied; its VM was destroyed
    │   ├── GuestCrash            a fault that is no trap (vector, rip, address)
    │   ├── GuestPanic            the guest image panicked
    │   └── ProtocolViolation     an exit or a value that is not allowed
    ├── WorkerLost                the process that ran the VM died (killed from outside?)
    ├── ModuleError               the Wasm cannot be compiled
    │   ├── InvalidModule         it does not validate; the text of a WAT has line and column
    │   └── CompileLimitExceeded  compile time or memory
    └── Closed                    a handle was used after close()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypercell.vmm.outcome import Frame


class HypercellError(Exception):
    """Root of the tree. ``hint`` says what to do; it is shown on a line of its own."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class HostError(HypercellError):
    """This machine cannot do what was asked."""


class KvmUnavailable(HostError):
    """No usable ``/dev/kvm``: no cells."""


class SystemCallFailed(HostError):
    """A KVM or memory call failed."""

    def __init__(self, call: str, errno: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.call = call
        self.errno = errno


class IsolationMissing(HostError):
    """A layer of the jail cannot be had on this machine, and the owner did not allow that."""

    def __init__(self, layer: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.layer = layer


class ImageMissing(HostError):
    """The guest image is not built, or speaks another ABI version."""


class CellError(HypercellError):
    """The program ended badly."""


class Trap(CellError):
    """A WebAssembly trap. ``frames``: innermost first. ``code``: ``abi.TRAP_*``."""

    def __init__(
        self, message: str, *, code: int = 0, frames: tuple[Frame, ...] = (), hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.frames = frames


class ExitStatus(CellError):
    """The program ended by itself with a code other than 0."""

    def __init__(self, message: str, *, code: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class LinkError(CellError):
    """Imports that do not resolve."""


class InvokeError(CellError):
    """No such export, or arguments of the wrong number or type."""


class TimedOut(CellError):
    """The wall-time limit ended the program."""


class Interrupted(CellError):
    """The user ended the program."""


class LimitExceeded(CellError):
    """A limit other than time ended the program."""


class MemoryLimitExceeded(LimitExceeded):
    """Guest memory."""


class OutputLimitExceeded(LimitExceeded):
    """Bytes on stdout and stderr."""


class HomeLimitExceeded(LimitExceeded):
    """Bytes, files or path depth under ``/home``."""


class GuestError(HypercellError):
    """The guest failed or lied; its VM was destroyed and is never used again."""


class GuestCrash(GuestError):
    """A processor fault in the guest that is no WebAssembly trap."""

    def __init__(
        self, message: str, *, vector: int, error: int, rip: int, address: int, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.vector = vector
        self.error = error
        self.rip = rip
        self.address = address


class GuestPanic(GuestError):
    """The guest image panicked: a defect of ours, or an attack that was stopped."""


class ProtocolViolation(GuestError):
    """The guest did what the contract forbids: another port, a wild length, a wrong order."""


class WorkerLost(HypercellError):
    """The process that ran the VM died before it reported."""


class ModuleError(HypercellError):
    """The Wasm cannot be compiled."""


class InvalidModule(ModuleError):
    """The module does not validate, or its text does not parse."""


class CompileLimitExceeded(ModuleError):
    """Cranelift took more time or memory than the limit allows."""


class Closed(HypercellError):
    """A handle was used after ``close()``."""
