"""Snapshots on disk, by everything that went into them: a kernel need not make its own.

Only those of trusted commands over trusted code, without layers: nothing of a session is ever here.
The cache checks the bytes of an entry; what does not fit or is damaged is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from hypercell.vmm import abi, memfd
from hypercell.vmm.cache import Cache, Places, digest
from hypercell.vmm.commands import Command
from hypercell.vmm.engine_config import FINGERPRINT
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.messages import pack_commands
from hypercell.vmm.program import Limits
from hypercell.vmm.runs import Run, check_units
from hypercell.vmm.vm_snapshot import Facts


class Stored(NamedTuple):
    """A sealed descriptor, the state, and ``vm_snapshot.Snapshot.hot``."""

    fd: int
    state: bytes
    hot: tuple[Run, ...] = ()


_ROOM = "snapshot"
_FORMAT = "5"  # of the entry and of ``SnapshotState``
_MAX_BYTES = 1 << 30
_PIECE = 1 << 22


class _Meta(msgspec.Struct):
    """``runs``: the stretches of guest memory that the data is, in order."""

    state: bytes
    runs: tuple[Run, ...]
    size: int
    hot: tuple[Run, ...]


def key(image: bytes, code_keys: Sequence[str], commands: Sequence[Command], limits: Limits) -> str:
    """What names a snapshot: image, code, engine, commands, and the machine that it was made on."""
    return digest(
        _FORMAT,
        f"{abi.ABI_MAGIC:x} {abi.ABI_VERSION}",
        FINGERPRINT,
        image,
        *code_keys,
        msgspec.msgpack.encode(pack_commands(commands)),
        msgspec.msgpack.encode(limits),
        os.uname().release,
        _processor(),
    )


def _processor() -> str:
    """Model and features: a guest may have looked at them."""
    wanted = ("vendor_id", "cpu family", "model", "stepping", "flags")
    lines = Path("/proc/cpuinfo").read_text(errors="replace").split("\n\n", 1)[0].splitlines()
    return "\n".join(line for line in lines if line.split("\t")[0].strip() in wanted)


def load(cache: Cache, name: str) -> Stored | None:
    """What is stored under a key, or None. Takes a while: for a thread."""
    entry = cache.open(_ROOM, name, _places)
    if entry is None:
        return None
    meta = msgspec.msgpack.decode(entry.meta, type=_Meta)
    try:
        Facts.of(meta.state)
        check_units(meta.hot)
    except ProtocolViolation:  # of another version of ours
        os.close(entry.fd)
        cache.drop(_ROOM, name)
        return None
    return Stored(entry.fd, meta.state, meta.hot)


def _places(packed: bytes) -> Places:
    """Where the data goes, if the numbers are sound."""
    try:
        meta = msgspec.msgpack.decode(packed, type=_Meta)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
    position = 0
    for start, end in meta.runs:
        if not position <= start < end <= meta.size <= _MAX_BYTES:
            raise ValueError("stretches of memory are not in order")
        position = end
    return Places(meta.runs, meta.size)


def store(cache: Cache, name: str, stored: Stored) -> None:
    """Keep a sealed snapshot. Takes a while: for a thread."""
    fd, state, hot = stored
    size = memfd.size_of(fd)
    runs = tuple(_runs(fd, size))
    data = bytearray()
    for start, end in runs:
        while start < end:
            piece = os.pread(fd, min(_PIECE, end - start), start)
            data += piece
            start += len(piece)
    meta = msgspec.msgpack.encode(_Meta(state, runs, size, hot))
    cache.put(_ROOM, name, memoryview(data), meta=meta)


def _runs(fd: int, size: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError:  # no data up to the end
            return
        position = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, position
