"""The packages of one session, and the layers that show them to its VMs."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel.errors import PackageRefused
from hypercell.kernel.packages.requirement import check_granted, parse
from hypercell.kernel.packages.resolve import Tell, download
from hypercell.kernel.packages.wheel import Wheel, read_wheel
from hypercell.kernel.safe_text import safe_name
from hypercell.kernel.sizes import format_size
from hypercell.kernel.whiteouts import WHITEOUT

if TYPE_CHECKING:
    from hypercell.vmm.layer import Layer

SITE = "/usr/lib/python/site-packages"  # in the guest; on the runtime's sys.path
MAX_BYTES = 256 << 20  # of all packages of a session


class Package(msgspec.Struct, frozen=True):
    """``sha256``: of the wheel, in hex."""

    name: str
    version: str
    sha256: str
    paths: frozenset[str]


class Packages:
    """``layers``: one for each installation, never changed; a VM mounts those that it lacks."""

    def __init__(self, granted: Collection[str]) -> None:
        self.layers: list[Layer] = []
        self._granted = granted
        self._found: dict[str, Package] = {}
        self._size = 0
        self._lock = asyncio.Lock()

    def rows(self) -> list[Package]:
        """What is installed, by name."""
        return [self._found[name] for name in sorted(self._found)]

    async def install(self, words: Sequence[str], tell: Tell = lambda _: None) -> list[Package]:
        """Install what is named and what it needs; what is new. All of it or nothing. ``tell`` gets
        the steps.

        UsageError, GrantMissing, PackageRefused, PackageError.
        """
        wanted = parse(words)
        check_granted(wanted, self._granted)
        async with self._lock:
            names = {one.name for one in wanted}
            pinned = {
                package.name: package.version
                for package in self._found.values()
                if package.name not in names
            }
            wheels = await download(wanted, pinned, tell)
            return await asyncio.to_thread(self._add, wheels)

    def _add(self, wheels: Sequence[tuple[str, bytes]]) -> list[Package]:
        from hypercell.vmm.layer import Layer

        new: dict[str, Package] = {}
        files: dict[str, bytes] = {}
        directories: set[str] = set()
        for file_name, data in wheels:
            wheel = read_wheel(data, file_name)
            digest = hashlib.sha256(data).hexdigest()
            there = self._found.get(wheel.name)
            if there is not None and there.sha256 == digest:
                continue
            new[wheel.name] = Package(wheel.name, wheel.version, digest, frozenset(wheel.files))
            _merge(files, directories, wheel)
        if not new:
            return []
        size = self._size + sum(map(len, files.values()))
        if size > MAX_BYTES:
            raise PackageRefused(
                f"the packages of this session would be more than {format_size(MAX_BYTES)}",
                hint="install less, or begin a new session",
            )
        old = {
            path for name in new if name in self._found for path in self._found[name].paths
        } - set(files)
        self.layers.append(Layer.from_bytes(_tar(files, old)))
        self._size = size
        self._found.update(new)
        return [new[name] for name in sorted(new)]


def _merge(files: dict[str, bytes], directories: set[str], wheel: Wheel) -> None:
    for path, data in wheel.files.items():
        if files.get(path, data) != data:
            raise PackageRefused(f"two packages have the file {safe_name(path)}")
        files[path] = data
        parent = path.rpartition("/")[0]
        while parent:
            directories.add(parent)
            parent = parent.rpartition("/")[0]
    if both := directories.intersection(files):
        shown = safe_name(min(both))
        raise PackageRefused(f"{shown} is a file of one package and a directory of another")


def _tar(files: Mapping[str, bytes], gone: Collection[str]) -> bytes:
    """A layer for ``/``. ``gone``: files of other versions."""
    buffer = io.BytesIO()
    root = SITE.lstrip("/")
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(gone):
            parent, _, name = f"{root}/{path}".rpartition("/")
            tar.addfile(tarfile.TarInfo(f"{parent}/{WHITEOUT}{name}"))
        for path in sorted(files):
            info = tarfile.TarInfo(f"{root}/{path}")
            info.size = len(files[path])
            tar.addfile(info, io.BytesIO(files[path]))
    return buffer.getvalue()
