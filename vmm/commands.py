"""The commands that a guest executes, typed; ``vmm/codec.py`` turns them into batches.

A file descriptor never appears here: ``code`` and ``layer`` are indices into the descriptors that
travel with the job, and the worker maps each once and puts the address in.
"""

from __future__ import annotations

import msgspec

from hypercell.vmm.outcome import Frame, Value


class Load(msgspec.Struct, frozen=True, tag=True):
    """Deserialise a ``.cwasm``. Modules are numbered from 0 in the order of their loads."""

    code: int
    component: bool = False


class Wasi(msgspec.Struct, frozen=True, tag=True):
    """The WASI world of the instances that follow. ``preopens``: guest paths, in order of fd 3…"""

    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    preopens: tuple[str, ...] = ()
    stdin: bool = False  # True: ask the host; False: end of file


class Instantiate(msgspec.Struct, frozen=True, tag=True):
    """Instances are numbered from 0. ``name``: other modules import it by that name."""

    module: int
    name: str = ""


class Invoke(msgspec.Struct, frozen=True, tag=True):
    """Call an export."""

    instance: int
    export: str
    args: tuple[Value, ...] = ()


class Call(msgspec.Struct, frozen=True, tag=True):
    """Call an export of a component that takes strings, and gives none or one, or a ``result``.

    ``export``: ``interface#function`` (the version may be left out), or a plain name. The reply:
    ``number`` 1, or 0 for the error of a ``result``; ``text``. ``wasi:cli/run#run`` is ``Exited``
    for its error.
    """

    instance: int
    export: str
    args: tuple[str, ...] = ()


class GlobalGet(msgspec.Struct, frozen=True, tag=True):
    """Read an exported global."""

    instance: int
    export: str


class GlobalSet(msgspec.Struct, frozen=True, tag=True):
    """Write an exported global."""

    instance: int
    export: str
    value: Value


class MemoryRead(msgspec.Struct, frozen=True, tag=True):
    """Read bytes of an exported memory."""

    instance: int
    export: str
    offset: int
    length: int


class MemoryWrite(msgspec.Struct, frozen=True, tag=True):
    """Write bytes into an exported memory."""

    instance: int
    export: str
    offset: int
    data: bytes


class Register(msgspec.Struct, frozen=True, tag=True):
    """Give an instance a (further) name for imports."""

    instance: int
    name: str


class Mount(msgspec.Struct, frozen=True, tag=True):
    """Mount a tar. ``mode``: ``abi.MOUNT_*``; ``layer`` None is an empty one."""

    path: str
    layer: int | None
    mode: int


class Defer(msgspec.Struct, frozen=True, tag=True):
    """The first open of ``path`` stops the guest and asks the host."""

    path: str


class PutFile(msgspec.Struct, frozen=True, tag=True):
    """Make ``path`` a file with the bytes of a layer descriptor."""

    path: str
    layer: int


class ReadFile(msgspec.Struct, frozen=True, tag=True):
    """Read a file of the guest's file system, at most ``max`` bytes from ``offset``."""

    path: str
    offset: int = 0
    max: int = 0x8_0000


class Export(msgspec.Struct, frozen=True, tag=True):
    """The next piece of the tar of what changed under the mount at ``path``."""

    path: str = "/home"
    max: int = 0x8_0000


class Quota(msgspec.Struct, frozen=True, tag=True):
    """Limits of the writable mounts."""

    home_bytes: int
    home_files: int
    tmp_bytes: int
    tmp_files: int
    dir_bytes: int = 0  # of all MOUNT_WRITABLE together
    dir_files: int = 0


class FillTables(msgspec.Struct, frozen=True, tag=True):
    """Touch every element of exported tables, so that a snapshot holds them ready."""

    instance: int


class Usage(msgspec.Struct, frozen=True, tag=True):
    """Ask what was used."""


class Touch(msgspec.Struct, frozen=True):
    """Read bytes of the guest, and write those back whose address has ``abi.TOUCH_WRITE``, so that
    they are mapped. Only the host makes it: nobody else has addresses.
    """

    places: tuple[int, ...]


Command = (
    Load
    | Wasi
    | Instantiate
    | Invoke
    | Call
    | GlobalGet
    | GlobalSet
    | MemoryRead
    | MemoryWrite
    | Register
    | Mount
    | Defer
    | PutFile
    | ReadFile
    | Export
    | Quota
    | FillTables
    | Usage
)


class Ok(msgspec.Struct, frozen=True, tag=True):
    """Done. ``number``: a module or instance, or 0 for the error of a call.

    ``size``: of a file, or "more" of an export.
    """

    number: int = 0
    values: tuple[Value, ...] = ()
    data: bytes = b""
    size: int = 0
    counters: tuple[int, ...] = ()
    text: str = ""


class Trapped(msgspec.Struct, frozen=True, tag=True):
    """A WebAssembly trap."""

    code: int
    message: str
    frames: tuple[Frame, ...] = ()


class Exited(msgspec.Struct, frozen=True, tag=True):
    """``proc_exit``."""

    code: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The command was refused. ``status``: ``abi.ST_ERROR``, ``ST_LINK`` or ``ST_REFUSED``."""

    status: int
    message: str


def start(*, component: bool) -> Command:
    """Run the first instance as a program."""
    return Call(0, "wasi:cli/run#run") if component else Invoke(0, "_start")


Reply = Ok | Trapped | Exited | Failed
