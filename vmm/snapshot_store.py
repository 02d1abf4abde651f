"""Snapshots on disk, by everything that went into them: a kernel need not make its own.

Only those of trusted commands over trusted code, without layers: nothing of a session is ever here.
The cache checks the bytes of an entry; what does not fit or is damaged is made anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from hypercell.vmm import abi, memfd
from hypercell.vmm.cache import Cache, digest
from hypercell.vmm.code_cache import Code
from hypercell.vmm.commands import Command
from hypercell.vmm.engine_config import FINGERPRINT
from hypercell.vmm.errors import ProtocolViolation
from hypercell.vmm.messages import pack_commands
from hypercell.vmm.program import Limits
from hypercell.vmm.vm_snapshot import Facts

_ROOM = "snapshot"
_FORMAT = "1"  # of the entry and of ``SnapshotState``
_MAX_BYTES = 1 << 30
_PIECE = 1 << 22


class _Meta(msgspec.Struct):
    """``runs``: (start, end) of the stretches of guest memory that the data is, in order."""

    state: bytes
    runs: tuple[tuple[int, int], ...]
    size: int


def key(image: bytes, code: Sequence[Code], commands: Sequence[Command], limits: Limits) -> str:
    """What names a snapshot: image, code, engine, commands, and the machine that it was made on."""
    return digest(
        _FORMAT,
        f"{abi.ABI_MAGIC:x} {abi.ABI_VERSION}",
        FINGERPRINT,
        image,
        *(item.key for item in code),
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


def load(cache: Cache, name: str) -> tuple[int, bytes] | None:
    """(sealed descriptor, state), or None. Takes a while: for a thread."""
    entry = cache.open(_ROOM, name)
    if entry is None:
        return None
    fd = -1
    try:
        fd = memfd.create("snapshot")
        meta = msgspec.msgpack.decode(entry.meta, type=_Meta)
        position = offset = 0
        for start, end in meta.runs:
            if not position <= start < end <= meta.size <= _MAX_BYTES:
                raise ValueError("not in order")
            position = end
            while start < end:
                piece = os.pread(entry.fd, min(_PIECE, end - start), offset)
                if not piece:
                    raise ValueError("too short")
                start, offset = memfd.write(fd, piece, start), offset + len(piece)
        if offset != entry.size:
            raise ValueError("too long")
        Facts.of(meta.state)
        os.ftruncate(fd, meta.size)
        return memfd.seal(fd), meta.state
    except (msgspec.DecodeError, ValueError, ProtocolViolation):  # of another version of ours
        os.close(fd)
        cache.drop(_ROOM, name)
        return None
    except BaseException:
        if fd >= 0:
            os.close(fd)
        raise
    finally:
        os.close(entry.fd)


def store(cache: Cache, name: str, fd: int, state: bytes) -> None:
    """Keep a sealed snapshot. Takes a while: for a thread."""
    size = memfd.size_of(fd)
    runs = tuple(_runs(fd, size))
    data = bytearray()
    for start, end in runs:
        while start < end:
            piece = os.pread(fd, min(_PIECE, end - start), start)
            data += piece
            start += len(piece)
    meta = msgspec.msgpack.encode(_Meta(state, runs, size))
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
