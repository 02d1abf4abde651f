"""A directory of this machine as a tar: a walk over descriptors that follows no symbolic link."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from hypercell.kernel.errors import ConfigError
from hypercell.kernel.sizes import format_size
from hypercell.kernel.whiteouts import WHITEOUT

MAX_BYTES = 256 << 20
MAX_FILES = 20_000
_MAX_DEPTH = 60
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Packed(msgspec.Struct, frozen=True):
    """``seen``: the paths in the tar, below the directory. ``size``: bytes of the files."""

    tar: bytes
    seen: frozenset[str]
    size: int


def open_directory(path: Path) -> int:
    """A descriptor of a directory that the owner named; ConfigError if it is none."""
    try:
        return os.open(path, DIRECTORY)
    except OSError as error:
        raise ConfigError(
            f"{path} is not a directory that can be read: {error.strerror}",
            hint="the program was to see it",
        ) from error


def pack_tree(
    root: int,
    shown: Path,
    *,
    prefix: str = "",
    max_bytes: int = MAX_BYTES,
    max_files: int = MAX_FILES,
) -> Packed:
    """The regular files, directories and symbolic links below ``root``; hard links stay linked.

    Devices, sockets and pipes are left out, and names that no WASI program could see: not UTF-8,
    or like deletions in a tar. ``prefix``: where in the tar it all is. ConfigError: not readable,
    more than ``max_bytes`` or ``max_files``, or more than 60 levels.
    """
    packer = _Packer(shown, prefix, max_bytes, max_files)
    packer.directory(root, "", 0)
    return Packed(packer.finished(), frozenset(packer.seen), packer.total)


class _Packer:
    def __init__(self, shown: Path, prefix: str, max_bytes: int, max_files: int) -> None:
        self.seen: set[str] = set()
        self._shown = shown
        self._prefix = prefix
        self._max_bytes, self._max_files = max_bytes, max_files
        self.total = 0
        self._linked: dict[tuple[int, int], str] = {}
        self._buffer = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)
        parts = PurePosixPath(prefix).parts
        for depth in range(1, len(parts) + 1):
            self._add("/".join(parts[:depth]), tarfile.DIRTYPE)

    def finished(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()

    def directory(self, fd: int, path: str, depth: int) -> None:
        """All that is in an open directory, in the order of names."""
        if depth > _MAX_DEPTH:
            raise ConfigError(
                f"{self._shown / path} is more than {_MAX_DEPTH} directories deep",
                hint="give a directory nearer to it",
            )
        with _reading(self._shown / path):
            names = sorted(os.listdir(fd))
        for name in names:
            if _visible(name):
                below = f"{path}/{name}" if path else name
                with _reading(self._shown / below):
                    self._entry(fd, name, below, depth)

    def _entry(self, fd: int, name: str, path: str, depth: int) -> None:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            self._seen(path)
            self._add(self._name(path), tarfile.DIRTYPE, status)
            child = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
            try:
                self.directory(child, path, depth + 1)
            finally:
                os.close(child)
        elif stat.S_ISLNK(status.st_mode):
            target = os.readlink(name, dir_fd=fd)
            if _is_utf8(target):
                self._seen(path)
                self._add(self._name(path), tarfile.SYMTYPE, status, target)
        elif stat.S_ISREG(status.st_mode):
            self._file(fd, name, path)

    def _file(self, fd: int, name: str, path: str) -> None:
        file = os.open(name, _FILE, dir_fd=fd)
        with os.fdopen(file, "rb") as source:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                return
            self._seen(path)
            key = (status.st_dev, status.st_ino)
            if status.st_nlink > 1 and key in self._linked:
                self._add(self._name(path), tarfile.LNKTYPE, status, self._linked[key])
                return
            self._linked[key] = self._name(path)
            self.total += status.st_size
            self._check()
            self._add(self._name(path), tarfile.REGTYPE, status, data=source.read(status.st_size))

    def _seen(self, path: str) -> None:
        self.seen.add(path)
        self._check()

    def _check(self) -> None:
        if self.total > self._max_bytes or len(self.seen) > self._max_files:
            raise ConfigError(
                f"{self._shown} has more than {format_size(self._max_bytes)} "
                f"or {self._max_files} files",
                hint="give a smaller directory",
            )

    def _name(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _add(
        self,
        name: str,
        kind: bytes,
        status: os.stat_result | None = None,
        target: str = "",
        data: bytes = b"",
    ) -> None:
        # Owner, group and their names stay out: they are the host's business.
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname, entry.size = kind, target, len(data)
        entry.mode = 0o755
        if kind == tarfile.REGTYPE and status is not None:
            entry.mode = status.st_mode & 0o755 | 0o444
        entry.mtime = int(status.st_mtime) if status else 0
        self._tar.addfile(entry, io.BytesIO(data))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Says which file could not be read."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}",
            hint="it is below a directory that the program was to see",
        ) from error


def _visible(name: str) -> bool:
    return _is_utf8(name) and not name.startswith(WHITEOUT)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
