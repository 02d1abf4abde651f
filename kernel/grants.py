"""Directories of this machine that the owner lets cells see, as read-only layers.

A grant comes from the owner's configuration or the command line, never from a cell. The directory
is packed when a session starts; what cells change of it is forgotten.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path, PurePosixPath

import msgspec

from hypercell.kernel.errors import ConfigError
from hypercell.kernel.sizes import format_size

MAX_BYTES = 256 << 20
MAX_FILES = 20_000
_RESERVED = ("/home", "/tmp", "/dev")  # noqa: S108 (paths of the guest)


class DirectoryGrant(msgspec.Struct, frozen=True):
    """``host`` (absolute) is seen as ``guest`` (absolute, normalised)."""

    host: Path
    guest: str

    def __str__(self) -> str:
        return f"{self.host}::{self.guest}"


def parse_directory(text: str, base: Path) -> DirectoryGrant:
    """``HOST::GUEST``, or ``HOST`` for both the same; relative host paths start at ``base``.

    ValueError if the guest path cannot be used.
    """
    host_text, separator, guest_text = text.partition("::")
    if not host_text:
        raise ValueError(f"{text!r} names no directory")
    host = Path(os.path.normpath(base / Path(host_text).expanduser())).absolute()
    guest = os.path.normpath("/" + guest_text.lstrip("/")) if separator else str(host)
    if guest == "/" or any(guest == r or guest.startswith(r + "/") for r in _RESERVED):
        raise ValueError(f"{guest} belongs to the cell: choose another guest path, like /data")
    return DirectoryGrant(host, guest)


def pack_directory(grant: DirectoryGrant) -> bytes:
    """A tar of the regular files, directories and symbolic links below ``grant.host``.

    Everything else (devices, sockets, pipes) is left out. ConfigError: not a directory, not
    readable, or more than 256 MiB or 20,000 files.
    """
    if not grant.host.is_dir():
        raise ConfigError(f"{grant.host} is not a directory", hint="it was to be seen by the cell")
    buffer = io.BytesIO()
    total = count = 0
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for parent in reversed(PurePosixPath(grant.guest).parents[:-1]):
            tar.addfile(_plain(str(parent).lstrip("/"), tarfile.DIRTYPE, 0o755))
        pending = [(grant.host, grant.guest.lstrip("/"))]
        while pending:
            path, name = pending.pop()
            try:
                status = path.lstat() if path != grant.host else path.stat()
                count += 1
                if stat.S_ISDIR(status.st_mode):
                    tar.addfile(_plain(name, tarfile.DIRTYPE, 0o755, status))
                    pending += [(child, f"{name}/{child.name}") for child in sorted(path.iterdir())]
                elif stat.S_ISLNK(status.st_mode):
                    entry = _plain(name, tarfile.SYMTYPE, 0o777, status)
                    entry.linkname = os.readlink(path)
                    tar.addfile(entry)
                elif stat.S_ISREG(status.st_mode):
                    total += status.st_size
                    _check(grant, total, count)
                    data = path.read_bytes()[: status.st_size]
                    entry = _plain(name, tarfile.REGTYPE, status.st_mode & 0o755 | 0o444, status)
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))
            except OSError as error:
                raise ConfigError(
                    f"{path} cannot be read: {error.strerror}", hint="it is below a granted path"
                ) from error
            _check(grant, total, count)
    return buffer.getvalue()


def _plain(
    name: str, kind: bytes, mode: int, status: os.stat_result | None = None
) -> tarfile.TarInfo:
    # Owner, group and their names stay out: they are the host's business.
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = mode
    entry.mtime = int(status.st_mtime) if status else 0
    return entry


def _check(grant: DirectoryGrant, total: int, count: int) -> None:
    if total > MAX_BYTES or count > MAX_FILES:
        raise ConfigError(
            f"{grant.host} has more than {format_size(MAX_BYTES)} or {MAX_FILES} files",
            hint="grant a smaller directory",
        )
