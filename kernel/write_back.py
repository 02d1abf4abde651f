"""Writes what a VM changed in a directory of this machine back to it, and nothing anywhere else.

The tar comes from a hostile guest. It is checked as a whole before anything is touched. Then every
path is walked from the held descriptor of the directory, component by component, and no symbolic
link is followed: neither one that was there, nor one that somebody puts there meanwhile, nor one
of the tar. Files are written beside their place and renamed into it. Only what the program saw is
deleted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Collection, Iterator

from hypercell.kernel.pack import DIRECTORY
from hypercell.kernel.safe_text import safe_name
from hypercell.kernel.tar_reader import Kind, TarEntry, check_nesting, read_tar
from hypercell.kernel.whiteouts import deleted
from hypercell.vmm.errors import ProtocolViolation

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # nothing more can be written


def write_back(
    root: int, delta: bytes, seen: Collection[str], *, began: float, max_files: int
) -> list[str]:
    """Make the changes of ``delta`` below the directory ``root``; what could not be made, as text.

    ``seen``: what was packed, as paths below ``root``. ``began``: the time then. ProtocolViolation
    if the tar is not plain or contradicts itself; then nothing is touched. Blocking.
    """
    max_entries = 2 * max_files + 1024
    kinds, gone = _checked(delta, max_entries)
    writer = _Writer(root, frozenset(seen), began)
    try:
        # First the deletions that make room, last the others: a full disk then loses nothing.
        for path in gone:
            if path in kinds:
                writer.delete(path)
        for entry in read_tar(delta, max_entries=max_entries):
            if deleted(entry) is None:
                writer.put(entry)
        for path in gone:
            if path not in kinds:
                writer.delete(path)
    except _FullError as error:
        writer.problems.append(f"{error}: the rest was not written")
    return writer.problems


def _checked(delta: bytes, max_entries: int) -> tuple[dict[str, Kind], list[str]]:
    """What the tar puts where, and what it deletes."""
    kinds: dict[str, Kind] = {}
    gone: list[str] = []
    for entry in read_tar(delta, max_entries=max_entries):
        path = deleted(entry)
        if path is not None:
            if path.endswith("/"):
                raise ProtocolViolation("a tar deletes what it does not name")
            gone.append(path)
            continue
        if entry.path in kinds:
            raise ProtocolViolation("a tar names a path twice")
        if entry.kind is Kind.HARDLINK and kinds.get(entry.target) is not Kind.FILE:
            raise ProtocolViolation("a hard link in a tar points to no file before it")
        kinds[entry.path] = entry.kind
    check_nesting(kinds)
    return kinds, gone


class _FullError(Exception):
    """The file system takes nothing more."""


class _Writer:
    def __init__(self, root: int, seen: frozenset[str], began: float) -> None:
        self.problems: list[str] = []
        self._root = root
        self._seen = seen
        self._began = began
        self._written: dict[str, tuple[int, int]] = {}  # path -> device and inode

    def delete(self, path: str) -> None:
        """Delete what the program saw there."""
        if path not in self._seen:
            return  # never there, or not the program's to know
        parent, _, name = path.rpartition("/")
        with self._trying(path), self._directory(parent) as fd:
            self._remove(fd, name, path)

    def put(self, entry: TarEntry) -> None:
        """Make one entry; its parents are made where they are missing."""
        parent, _, name = entry.path.rpartition("/")
        with self._trying(entry.path), self._directory(parent, make=True) as fd:
            if entry.kind is Kind.DIRECTORY:
                self._make_directory(fd, name)
            elif entry.kind is Kind.FILE:
                self._file(fd, name, entry)
            elif entry.kind is Kind.SYMLINK:
                self._symlink(fd, name, entry)
            else:
                self._link(fd, name, entry)

    @contextlib.contextmanager
    def _trying(self, path: str) -> Iterator[None]:
        try:
            yield
        except _RefusedError as error:
            self.problems.append(f"{safe_name(path)}: {error}")
        except OSError as error:
            if error.errno in _FULL:
                raise _FullError(f"{safe_name(path)}: {error.strerror}") from None
            self.problems.append(f"{safe_name(path)}: {_reason(error)}")

    @contextlib.contextmanager
    def _directory(self, path: str, *, make: bool = False) -> Iterator[int]:
        """A descriptor of a directory below the root, reached through directories only."""
        fd = os.open(".", DIRECTORY, dir_fd=self._root)
        try:
            for name in path.split("/") if path else ():
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, dir_fd=fd)
                child = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = child
            yield fd
        finally:
            os.close(fd)

    def _remove(self, fd: int, name: str, path: str) -> None:
        try:
            os.unlink(name, dir_fd=fd)
        except FileNotFoundError:
            return
        except IsADirectoryError:
            pass
        else:
            return
        child = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
        try:
            for below in os.listdir(child):
                if f"{path}/{below}" in self._seen:
                    self._remove(child, below, f"{path}/{below}")
        finally:
            os.close(child)
        os.rmdir(name, dir_fd=fd)

    def _make_directory(self, fd: int, name: str) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=fd)
        os.close(os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=fd))

    def _file(self, fd: int, name: str, entry: TarEntry) -> None:
        before = _replaceable(fd, name)
        temporary = _temporary()
        # An existing file keeps its permissions; until it has them nobody else may read it.
        file = os.open(temporary, _NEW, 0o666 if before is None else 0o600, dir_fd=fd)
        try:
            with os.fdopen(file, "wb", buffering=0) as out:
                view = memoryview(entry.data)
                while view:
                    view = view[out.write(view) or 0 :]
                if before is not None:
                    with contextlib.suppress(PermissionError):
                        os.chown(file, before.st_uid, before.st_gid)
                    os.chmod(file, before.st_mode & 0o777)
                self._set_time(file, entry.mtime)
                status = os.fstat(file)
            os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
        except BaseException:
            _forget(fd, temporary)
            raise
        self._written[entry.path] = (status.st_dev, status.st_ino)

    def _set_time(self, file: int, mtime: int) -> None:
        """The program's time if it chose one: the tar has whole seconds, now is nearer else."""
        if not int(self._began) <= mtime <= time.time() + 1:
            os.utime(file, (mtime, mtime))

    def _symlink(self, fd: int, name: str, entry: TarEntry) -> None:
        if not _stays_inside(entry.path, entry.target):
            raise _RefusedError(
                f"the symbolic link to {safe_name(entry.target)} was not made: "
                "it could lead out of the directory"
            )
        _replaceable(fd, name)
        temporary = _temporary()
        os.symlink(entry.target, temporary, dir_fd=fd)
        self._place(fd, temporary, name)

    def _link(self, fd: int, name: str, entry: TarEntry) -> None:
        if entry.target not in self._written:
            raise _RefusedError("its other name was not written")
        _replaceable(fd, name)
        temporary = _temporary()
        parent, _, first = entry.target.rpartition("/")
        with self._directory(parent) as other:
            os.link(first, temporary, src_dir_fd=other, dst_dir_fd=fd, follow_symlinks=False)
        status = os.stat(temporary, dir_fd=fd, follow_symlinks=False)
        if (status.st_dev, status.st_ino) != self._written[entry.target]:
            _forget(fd, temporary)
            raise _RefusedError("its other name was changed meanwhile")
        self._place(fd, temporary, name)

    def _place(self, fd: int, temporary: str, name: str) -> None:
        try:
            os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
        finally:
            _forget(fd, temporary)  # still there if both are one file already


class _RefusedError(Exception):
    """An entry that is not written; why."""


def _replaceable(fd: int, name: str) -> os.stat_result | None:
    """The regular file that is there; None for nothing or a link. Anything else is refused."""
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        return None
    if not stat.S_ISREG(status.st_mode):
        kind = "directory" if stat.S_ISDIR(status.st_mode) else "special file"
        raise _RefusedError(f"not written: on this machine a {kind} is there")
    if not os.access(name, os.W_OK, dir_fd=fd, follow_symlinks=False):
        raise _RefusedError("not written: the file is read-only")
    return status


def _stays_inside(path: str, target: str) -> bool:
    """Whether a link at ``path`` leads nowhere above the root, wherever other links lead.

    ``..`` is allowed at the beginning only: after a name, which may be a link, it is anywhere.
    """
    if target.startswith("/") or "\0" in target:
        return False
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    return ".." not in parts[up:] and up <= path.count("/")


def _temporary() -> str:
    return f".hypercell-{secrets.token_hex(8)}"


def _forget(fd: int, temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary, dir_fd=fd)


def _reason(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "not written: what leads there is no directory"
    if error.errno == errno.ENOTEMPTY:
        return "not deleted: there are files in it that the program did not see"
    return error.strerror or str(error)
