"""One WASI call as data, and how it lies in a program's memory: the same bytes in both worlds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

MEMORY: Final = 0x40000  # bytes: four pages
_PATHS: Final = (0x100, 0x2200)
_IOVECS: Final = 0x4400
_DATA: Final = 0x5000
OUT: Final = 0x10000
OUT_SIZE: Final = 64
BUFFER: Final = 0x20000
BUFFER_SIZE: Final = 0x1800
CLOSED: Final = 0xFFFF  # never the number of a descriptor
TRAP: Final = -1  # instead of an error number
FILL: Final = 0xA5  # what no call wrote

# What each function takes: the kinds of its arguments, in the order of the Wasm parameters.
SIGNATURES: Final[dict[str, str]] = {
    "fd_advise": "fd number number number",
    "fd_allocate": "fd number number",
    "fd_close": "fd",
    "fd_datasync": "fd",
    "fd_fdstat_get": "fd out",
    "fd_fdstat_set_flags": "fd number",
    "fd_fdstat_set_rights": "fd number number",
    "fd_filestat_get": "fd out",
    "fd_filestat_set_size": "fd number",
    "fd_filestat_set_times": "fd number number number",
    "fd_pread": "fd room number out",
    "fd_prestat_get": "fd out",
    "fd_prestat_dir_name": "fd buffer",
    "fd_pwrite": "fd data number out",
    "fd_read": "fd room out",
    "fd_readdir": "fd buffer number out",
    "fd_renumber": "fd fd",
    "fd_seek": "fd number number out",
    "fd_sync": "fd",
    "fd_tell": "fd out",
    "fd_write": "fd data out",
    "path_create_directory": "fd path",
    "path_filestat_get": "fd number path out",
    "path_filestat_set_times": "fd number path number number number",
    "path_link": "fd number path fd path",
    "path_open": "fd number path number number number number out",
    "path_readlink": "fd path buffer out",
    "path_remove_directory": "fd path",
    "path_rename": "fd path fd path",
    "path_symlink": "path fd path",
    "path_unlink_file": "fd path",
}


class Slot(NamedTuple):
    """A descriptor that this sequence opened: 0 is the preopened directory."""

    number: int


class At(NamedTuple):
    """A place in memory instead of the usual one: hostile ones lie at or beyond the end."""

    address: int
    length: int


@dataclass(frozen=True)
class Step:
    """A call.

    ``args``: a ``Slot`` or number for ``fd``, bytes for ``path`` and ``data``, a size for ``room``
    and ``buffer`` (or an ``At``). ``out`` is where results go.
    """

    name: str
    args: tuple[Slot | At | bytes | int, ...]
    out: int = OUT

    def __repr__(self) -> str:
        given = ", ".join(map(repr, self.args))
        where = "" if self.out == OUT else f", out={self.out:#x}"
        return f"Step({self.name!r}, ({given},){where})"


class Laid(NamedTuple):
    """A call in memory: Wasm arguments, and what to write where before it."""

    numbers: list[int]
    writes: list[tuple[int, bytes]]


def _iovec(address: int, length: int) -> bytes:
    # Empty pieces around the one that counts: Wasmtime moves one piece a call.
    pieces = ((0, 0), (address, length), (_DATA, 0))
    return b"".join(a.to_bytes(4, "little") + n.to_bytes(4, "little") for a, n in pieces)


def lay(step: Step, slots: dict[int, int]) -> Laid:
    """Put a call into memory; ``slots``: the descriptors of this world."""
    writes = [(OUT, bytes([FILL]) * OUT_SIZE), (BUFFER, bytes([FILL]) * BUFFER_SIZE)]
    numbers: list[int] = []
    paths = iter(_PATHS)
    given = iter(step.args)
    for kind in SIGNATURES[step.name].split():
        if kind == "out":
            numbers.append(step.out)
            continue
        value = next(given)
        if isinstance(value, Slot):
            numbers.append(slots.get(value.number, CLOSED))
        elif isinstance(value, At) and kind in ("room", "data"):
            writes.append((_IOVECS, _iovec(*value)))
            numbers += [_IOVECS, 3]
        elif isinstance(value, At):
            numbers += [value.address, value.length]
        elif isinstance(value, bytes):
            address = next(paths) if kind == "path" else _DATA
            writes.append((address, value))
            numbers += [address, len(value)]
            if kind == "data":
                writes.append((_IOVECS, _iovec(address, len(value))))
                numbers[-2:] = [_IOVECS, 3]
        elif kind == "buffer":
            numbers += [BUFFER, value]
        elif kind == "room":
            writes.append((_IOVECS, _iovec(BUFFER, value)))
            numbers += [_IOVECS, 3]
        else:
            numbers.append(value)
    return Laid(numbers, writes)
