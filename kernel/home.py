"""The session's ``/home``: a dictionary on the host, a layer for each VM, changes that are checked.

Nothing here touches a host file. Paths are keys, symbolic links are never followed.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel.errors import FileRefused
from hypercell.kernel.sizes import format_size
from hypercell.kernel.tar_reader import Kind, TarEntry, check_nesting, check_path, read_tar
from hypercell.kernel.whiteouts import WHITEOUT, deleted, is_whiteout
from hypercell.vmm.errors import HomeLimitExceeded, ProtocolViolation
from hypercell.vmm.program import Limits

if TYPE_CHECKING:
    from hypercell.vmm.layer import Layer


class HomeEntry(msgspec.Struct, frozen=True):
    """A file (``data``), a directory, or a symbolic link (``target``)."""

    kind: Kind
    data: bytes = b""
    target: str = ""
    mode: int = 0o644
    mtime: int = 0  # seconds since 1970


_DIRECTORY = HomeEntry(Kind.DIRECTORY, mode=0o755)
_NONE = HomeEntry(Kind.FILE)


class Home:
    """The files that cells share. Every change is all or nothing."""

    def __init__(self) -> None:
        self._entries: dict[str, HomeEntry] = {}
        self._tar: bytes | None = None
        self._layer: Layer | None = None
        self.version = 0  # changes with every change, for caches

    def entries(self) -> Mapping[str, HomeEntry]:
        """Path below ``/home`` -> entry, sorted by path. A change makes another one."""
        return self._entries

    def files(self) -> dict[str, bytes]:
        """Path below ``/home`` -> bytes, of the regular files."""
        return {
            path: entry.data for path, entry in self._entries.items() if entry.kind is Kind.FILE
        }

    def read(self, name: str) -> bytes:
        """The bytes of a file; FileRefused if there is none."""
        path = clean_name(name)
        entry = self._entries.get(path)
        if entry is None:
            raise FileRefused(f"/home/{path} does not exist", hint="%files lists what is there")
        if entry.kind is not Kind.FILE:
            raise FileRefused(f"/home/{path} is a {entry.kind.value}, not a file")
        return entry.data

    def write(self, name: str, data: bytes, limits: Limits, *, append: bool = False) -> int:
        """Write or append to a file, making directories; its size afterwards."""
        path = clean_name(name)
        there = self._entries.get(path)
        if there is not None and there.kind is not Kind.FILE:
            raise FileRefused(f"/home/{path} is a {there.kind.value}, not a file")
        parents = path.split("/")[:-1]
        for depth in range(1, len(parents) + 1):
            parent = "/".join(parents[:depth])
            if self._entries.get(parent, _DIRECTORY).kind is not Kind.DIRECTORY:
                raise FileRefused(f"/home/{parent} is not a directory")
        if append and there is not None:
            data = there.data + data
        changed = dict(self._entries)
        _put(changed, path, HomeEntry(Kind.FILE, data, mtime=int(time.time())))
        self._commit(changed, limits)
        return len(data)

    def remove(self, *names: str) -> None:
        """Delete files, links, and directories with all that is in them; all of them or none."""
        paths = set(map(clean_name, names))
        for path in paths - self._entries.keys():
            raise FileRefused(f"/home/{path} does not exist", hint="%files lists what is there")
        left = {
            path: entry
            for path, entry in self._entries.items()
            if path not in paths and not _is_below(path, paths)
        }
        self._replace(left)

    def restore(self, entries: Mapping[str, HomeEntry]) -> None:
        """Make it what ``entries`` was."""
        if dict(entries) != self._entries:
            self._replace(dict(entries))

    def take_back(self, before: Mapping[str, HomeEntry], after: Mapping[str, HomeEntry]) -> None:
        """Undo one change, from ``before`` to ``after``; what others changed since then stays."""
        entries = dict(self._entries)
        for path in {*before, *after}:
            if before.get(path) != after.get(path) and entries.get(path) == after.get(path):
                entries.pop(path, None)
                if path in before:
                    entries[path] = before[path]
        if entries != self._entries:
            self._replace(entries)

    def clear(self) -> None:
        """Delete everything."""
        self._replace({})

    def tar(self) -> bytes:
        """Everything as a tar; made once for each version."""
        if self._tar is None:
            self._tar = pack(self._entries)
        return self._tar

    def layer(self) -> Layer | None:
        """Everything as a layer for ``Mount``; None while /home is empty. Made once a version."""
        if self._layer is None and self._entries:
            from hypercell.vmm.layer import Layer

            self._layer = Layer.from_bytes(self.tar())
        return self._layer

    def apply(self, delta: bytes, limits: Limits) -> bool:
        """Take over what a VM reports as changed; see ``read_delta`` and ``take``."""
        return self.take(read_delta(delta, limits), limits)

    def take(
        self,
        added: Sequence[TarEntry],
        limits: Limits,
        base: Mapping[str, HomeEntry] | None = None,
    ) -> bool:
        """Take over checked changes (OCI whiteouts) to ``base``, else to what is there now.

        Whether anything did change. ProtocolViolation if they make no sense, HomeLimitExceeded
        above the limits; then nothing is changed. Files that are not named stay as they are.
        """
        if not added and base is None:
            return False
        changed = _without_deleted(self._entries if base is None else base, added)
        for entry in added:
            if not is_whiteout(entry.path):
                _put(changed, entry.path, _to_home(entry, changed))
        if base is not None and changed == self._entries:
            return False
        self._commit(changed, limits)
        return True

    def _commit(self, changed: dict[str, HomeEntry], limits: Limits) -> None:
        if len(changed) > limits.home_files:
            raise HomeLimitExceeded(
                f"/home would have {len(changed)} files and directories; "
                f"the limit is {limits.home_files}",
                hint="delete some in a cell or with %rm; /home is as it was",
            )
        total = sum(len(entry.data) for entry in changed.values())
        if total > limits.home_bytes:
            raise HomeLimitExceeded(
                f"/home would have {format_size(total)}; "
                f"the limit is {format_size(limits.home_bytes)}",
                hint="delete files in a cell or with %rm; /home is as it was",
            )
        self._replace(changed)

    def _replace(self, changed: dict[str, HomeEntry]) -> None:
        self._entries = dict(sorted(changed.items()))
        self._tar = self._layer = None  # a layer in use lives until its VM has it
        self.version += 1


def read_delta(delta: bytes, limits: Limits) -> list[TarEntry]:
    """The entries of a tar that a VM sent, each checked. ProtocolViolation if it is not plain.

    Touches nothing, so that a large one can be read in a thread.
    """
    added = list(read_tar(delta, max_entries=2 * limits.home_files + 1024))
    kinds = {entry.path: entry.kind for entry in added}
    if len(kinds) != len(added):
        raise ProtocolViolation("a tar names a path twice")
    check_nesting({path: kind for path, kind in kinds.items() if not is_whiteout(path)})
    return added


def clean_name(name: str) -> str:
    """A name as people write it (``x.c``, ``/home/lib/x.c``) as a path below ``/home``."""
    if name.startswith("/") and not name.startswith("/home/"):
        raise FileRefused(f"{name!r} is not below /home", hint="a cell's files are in /home")
    try:
        path = check_path(name.removeprefix("/home/"))
    except ProtocolViolation:
        raise FileRefused(
            f"{name!r} is no name for a file in /home", hint="like data.txt or lib/util.c"
        ) from None
    if any(part.startswith(WHITEOUT) for part in path.split("/")):
        raise FileRefused(f"{name!r}: names that begin with {WHITEOUT} mean deleted files")
    return path


def pack(entries: Mapping[str, HomeEntry]) -> bytes:
    """A tar of ``entries``: parents first, no owners, no host times but the entries' own."""
    if not entries:
        return b""
    buffer = io.BytesIO()
    kinds = {
        Kind.FILE: tarfile.REGTYPE,
        Kind.DIRECTORY: tarfile.DIRTYPE,
        Kind.SYMLINK: tarfile.SYMTYPE,
    }
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, entry in sorted(entries.items()):
            info = tarfile.TarInfo(path)
            info.type = kinds[entry.kind]
            info.mode, info.mtime = entry.mode, entry.mtime
            info.linkname, info.size = entry.target, len(entry.data)
            tar.addfile(info, io.BytesIO(entry.data))
    return buffer.getvalue()


def _to_home(entry: TarEntry, entries: dict[str, HomeEntry]) -> HomeEntry:
    if entry.kind is not Kind.HARDLINK:
        return HomeEntry(entry.kind, entry.data, entry.target, entry.mode, entry.mtime)
    original = entries.get(entry.target)
    if original is None or original.kind is not Kind.FILE:
        raise ProtocolViolation("a hard link in a tar points to no file before it")
    return original


def _without_deleted(
    entries: Mapping[str, HomeEntry], added: Sequence[TarEntry]
) -> dict[str, HomeEntry]:
    """What is left where whiteouts speak of it, or what was a directory becomes something else.

    In one pass over ``entries``, however much a guest deletes.
    """
    gone: set[str] = set()
    emptied: set[str] = set()
    for entry in added:
        path = deleted(entry)
        if path is None and entry.kind is not Kind.DIRECTORY:
            path = f"{entry.path}/"
        if path is None:
            continue
        if not path.endswith("/"):
            gone.add(path)
        directory = path.strip("/")
        if not directory or entries.get(directory, _NONE).kind is Kind.DIRECTORY:
            emptied.add(directory)
    return {
        path: entry
        for path, entry in entries.items()
        if path not in gone and not (emptied and _is_below(path, emptied))
    }


def _is_below(path: str, directories: Collection[str]) -> bool:
    while path:
        path = path.rpartition("/")[0]
        if path in directories:
            return True
    return False


def _put(entries: dict[str, HomeEntry], path: str, entry: HomeEntry) -> None:
    """Set a path; its parents become directories."""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        parent = "/".join(parts[:depth])
        if parent not in entries or entries[parent].kind is not Kind.DIRECTORY:
            entries[parent] = _DIRECTORY
    entries[path] = entry
