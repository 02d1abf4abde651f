"""A store of bytes on disk by content key: bounded, safe to share, safe to kill half-way.

Every entry is one file, written beside and renamed into place, with a checksum over its room,
its key and all of its bytes: a damaged entry is deleted and the caller builds again. An entry is
never changed. Reading touches it; when the store is over its size the entries that were not
touched for longest go. A cache that cannot be used is no cache: ``note`` says why, nothing fails.

Loading compiled code means running it inside a VM, so the directory must belong to the user and
be closed to all others, else it is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from hypercell.vmm import memfd
from hypercell.vmm.descriptor import Descriptor
from hypercell.vmm.runs import Run

ENVIRONMENT = "HYPERCELL_CACHE"
LAYOUT = "v1"
DEFAULT_SIZE = 4 << 30
_MAGIC = b"HCELLC01"
_HEADER = struct.Struct("<8sQQ32s")  # magic, bytes of meta, bytes of data, checksum
_STALE = 3600.0  # seconds after which a half-written file is nobody's
_PIECE = 1 << 22
_MAX_META = 1 << 22
_HOT = 256  # small entries that `get` keeps in memory: a cell that runs again finds them there
_HOT_SIZE = 1 << 18


class Entry(msgspec.Struct, frozen=True):
    """What was stored: a small description and the data in a sealed memory file (the caller's)."""

    meta: bytes
    fd: int
    size: int


class Places(NamedTuple):
    """Where in the memory file the data goes, in order, and how large that file is."""

    runs: Sequence[Run]
    size: int


def default_root() -> Path:
    """Where the cache lies: ``HYPERCELL_CACHE``, else the user's cache directory."""
    configured = os.environ.get(ENVIRONMENT)
    if configured:
        return Path(configured)
    import platformdirs

    return Path(platformdirs.user_cache_dir("hypercell"))


def digest(*parts: bytes | str) -> str:
    """A key from parts; their borders count."""
    state = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()


class Cache:
    """Entries in rooms (``code``, ``build``, …). ``max_bytes`` bounds all rooms together."""

    def __init__(self, root: Path | None = None, *, max_bytes: int = DEFAULT_SIZE) -> None:
        self.root = (root or default_root()) / LAYOUT
        self.max_bytes = max_bytes
        self.note = ""
        self._since_trim = max_bytes  # so that the first write looks
        self._directory: Descriptor | None = None
        self._hot: OrderedDict[str, bytes] = OrderedDict()
        try:
            self._directory = Descriptor(_open_private(self.root))
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Use the directory no more; a thread that uses it now ends what it began."""
        self._directory = None

    def get(self, room: str, key: str) -> bytes | None:
        """The data of an entry, or None."""
        name = _name(room, key)
        data = self._hot.get(name)
        if data is None:
            entry = self.open(room, key)
            if entry is None:
                return None
            try:
                data = memfd.read(entry.fd, entry.size)
            finally:
                os.close(entry.fd)
        if len(data) <= _HOT_SIZE:
            self._hot[name] = data
            self._hot.move_to_end(name)
            if len(self._hot) > _HOT:
                self._hot.popitem(last=False)
        return data

    def open(
        self, room: str, key: str, places: Callable[[bytes], Places] | None = None
    ) -> Entry | None:
        """An entry in a sealed memory file, or None.

        ``places``: out of the description, which is not checked yet; ``ValueError`` if it is none.
        """
        try:
            with self._file(_name(room, key)) as file:
                return _load(file, room, key, places)
        except FileNotFoundError:
            return None
        except _DamagedError:
            self.drop(room, key)
            return None
        except OSError as error:
            self._give_up(error, keep=True)
            return None

    def put(self, room: str, key: str, data: bytes | memoryview, *, meta: bytes = b"") -> bool:
        """Store an entry; False (and ``note``) where that is impossible."""
        self._hot.pop(_name(room, key), None)
        directory = self._directory
        if directory is None or len(data) > self.max_bytes or len(meta) > _MAX_META:
            return False
        temporary = f"tmp-{os.getpid()}-{os.urandom(8).hex()}"
        header = _HEADER.pack(
            _MAGIC, len(meta), len(data), _checksum(room, key, meta, data).digest()
        )
        try:
            self._trim(len(data), directory)
            fd = os.open(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory.fd
            )
            try:
                # No fsync: after a power cut the checksum tells, and the entry is built again.
                with os.fdopen(fd, "wb", buffering=0) as file:
                    for piece in (header, meta, data):
                        _write_all(file.fileno(), piece)
                os.rename(
                    temporary,
                    _name(room, key),
                    src_dir_fd=directory.fd,
                    dst_dir_fd=directory.fd,
                )
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=directory.fd)
                raise
        except OSError as error:
            self._give_up(error, keep=True)
            return False
        return True

    def has(self, room: str, key: str) -> bool:
        """Whether there is an entry of that name; its bytes are checked when it is read."""
        try:
            with self._file(_name(room, key)):
                return True
        except OSError:
            return False

    def drop(self, room: str, key: str) -> None:
        """Delete an entry, if it is there."""
        self._hot.pop(_name(room, key), None)
        if (directory := self._directory) is not None:
            with contextlib.suppress(OSError):
                os.unlink(_name(room, key), dir_fd=directory.fd)

    def size(self) -> int:
        """Bytes of all entries now."""
        directory = self._directory
        return sum(size for _, _, size in _entries(directory)) if directory is not None else 0

    def _file(self, name: str) -> contextlib.AbstractContextManager[int]:
        if (directory := self._directory) is None:
            raise FileNotFoundError(name)
        return _opened(os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=directory.fd))

    def _give_up(self, error: OSError, *, keep: bool = False) -> None:
        self.note = f"the cache at {self.root} cannot be used: {error.strerror or error}"
        if not keep:
            self.close()

    def _trim(self, coming: int, directory: Descriptor) -> None:
        """Make room now and then; one process at a time is enough."""
        self._since_trim += coming
        if self._since_trim < self.max_bytes // 16:
            return
        with _opened(os.open("lock", os.O_RDWR | os.O_CREAT, 0o600, dir_fd=directory.fd)) as fd:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            now = time.time()
            entries = _entries(directory)
            total = sum(size for _, _, size in entries) + coming
            for touched, name, size in entries:
                half_written = name.startswith("tmp-")
                if (half_written and now - touched > _STALE) or (
                    not half_written and total > self.max_bytes
                ):
                    with contextlib.suppress(OSError):
                        os.unlink(name, dir_fd=directory.fd)
                    total -= size
        self._since_trim = coming


class _DamagedError(Exception):
    """An entry is not what was written."""


def _entries(directory: Descriptor) -> list[tuple[float, str, int]]:
    """(touched, name, bytes) of every file, the oldest first."""
    found: list[tuple[float, str, int]] = []
    with os.scandir(directory.fd) as listing:
        for item in listing:
            with contextlib.suppress(OSError):
                status = item.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and item.name != "lock":
                    found.append((status.st_mtime, item.name, status.st_size))
    return sorted(found)


def _name(room: str, key: str) -> str:
    name = f"{room}-{key}"
    if not name.replace("-", "").replace("_", "").isalnum() or len(name) > 200:
        raise ValueError(f"not a cache key: {name!r}")
    return name


def _checksum(room: str, key: str, meta: bytes, data: bytes | memoryview) -> hashlib.blake2b:
    state = hashlib.blake2b(_name(room, key).encode(), digest_size=32)
    state.update(len(meta).to_bytes(8, "little") + meta)
    state.update(data)
    return state


def _write_all(fd: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view[:_PIECE]) :]


def _load(file: int, room: str, key: str, places: Callable[[bytes], Places] | None) -> Entry:
    status = os.fstat(file)
    header = os.read(file, _HEADER.size)
    if len(header) != _HEADER.size:
        raise _DamagedError
    magic, meta_size, size, checksum = _HEADER.unpack(header)
    if (
        magic != _MAGIC
        or meta_size > _MAX_META
        or _HEADER.size + meta_size + size != status.st_size
    ):
        raise _DamagedError
    meta = os.read(file, meta_size)
    state = _checksum(room, key, meta, b"")
    try:
        runs, length = places(meta) if places else Places(((0, size),), size)
    except ValueError:
        raise _DamagedError from None
    if sum(end - start for start, end in runs) != size:
        raise _DamagedError
    target = memfd.create(room)
    try:
        for start, end in runs:
            at = start
            while at < end:
                piece = os.read(file, min(_PIECE, end - at))
                if not piece:
                    raise _DamagedError
                state.update(piece)
                at = memfd.write(target, piece, at)
        if state.digest() != checksum:
            raise _DamagedError
        os.ftruncate(target, length)
        memfd.seal(target)
    except BaseException:
        os.close(target)
        raise
    with contextlib.suppress(OSError):
        os.utime(file)
    return Entry(meta, target, size)


@contextlib.contextmanager
def _opened(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


def _open_private(root: Path) -> int:
    """Open the directory, made if need be; only one that no other user can look into or change."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        root.mkdir(mode=0o700)
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    status = os.fstat(fd)
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        os.close(fd)
        raise PermissionError(
            0, f"it must belong to you and be closed to others (run: chmod 700 {root})"
        )
    return fd
