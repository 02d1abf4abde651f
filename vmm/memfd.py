"""Sealed memory files: how bytes travel between our processes without being copied or changed."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hypercell.vmm import linux
from hypercell.vmm.errors import ProtocolViolation

_PIECE = 1 << 22


def create(name: str) -> int:
    """A new empty memory file that can be sealed."""
    return linux.memfd_create(f"hypercell-{name}")


def seal(fd: int) -> int:
    """Nothing can change the file any more, neither its size nor its bytes. Returns ``fd``."""
    fcntl.fcntl(fd, linux.F_ADD_SEALS, linux.ALL_SEALS)
    return fd


def is_sealed(fd: int) -> bool:
    """Whether ``fd`` is a memory file with every seal: then no other process can change it."""
    try:
        return fcntl.fcntl(fd, linux.F_GET_SEALS) & linux.ALL_SEALS == linux.ALL_SEALS
    except OSError:
        return False


def data(fd: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches (start, end) of a file that were ever written."""
    end = 0
    with contextlib.suppress(OSError):  # ENXIO: a hole up to the end of the file
        while True:
            start = os.lseek(fd, end, os.SEEK_DATA)
            end = os.lseek(fd, start, os.SEEK_HOLE)
            yield start, end


def write(fd: int, data: bytes | bytearray | memoryview, offset: int = 0) -> int:
    """Write all of ``data`` at ``offset``; the offset after it."""
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view[:_PIECE], offset)
        view = view[count:]
        offset += count
    return offset


def of_bytes(data: bytes | bytearray | memoryview, name: str, *, offset: int = 0) -> int:
    """A sealed memory file with ``data`` at ``offset``; before it a hole of zeros."""
    fd = create(name)
    try:
        write(fd, data, offset)
        return seal(fd)
    except BaseException:
        os.close(fd)
        raise


def of_file(path: str | os.PathLike[str], name: str) -> int:
    """A sealed memory file with the bytes of a file."""
    fd = create(name)
    try:
        with Path(path).open("rb") as file:
            while os.sendfile(fd, file.fileno(), None, 1 << 30):
                pass
        return seal(fd)
    except BaseException:
        os.close(fd)
        raise


def size_of(fd: int) -> int:
    """Size of a file in bytes; without stat, which the jail does not allow."""
    return os.lseek(fd, 0, os.SEEK_END)


def read(fd: int, limit: int, *, offset: int = 0) -> bytes:
    """All bytes from ``offset``, by reading and never by mapping: the writer may be hostile.

    Raises ``ProtocolViolation`` when there are more than ``limit``.
    """
    size = size_of(fd) - offset
    if size < 0 or size > limit:
        raise ProtocolViolation(f"a memory file of {size} bytes, but the limit is {limit}")
    pieces = []
    while size > 0:
        piece = os.pread(fd, min(size, _PIECE), offset)
        if not piece:
            break
        pieces.append(piece)
        size -= len(piece)
        offset += len(piece)
    return b"".join(pieces)
