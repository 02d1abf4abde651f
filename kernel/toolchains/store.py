"""Where installed toolchains lie, and whether what lies there is whole.

::

    <root>/<name>-<digest>/compiler.wasm    the compiler with its table exported, or the component
                           layer.tar        mounted on /usr of the compiler's VM, if it has one
                           manifest.json    sizes, hashes, the key of the compiled code
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

import msgspec

from hypercell.kernel.errors import ToolchainDamaged, ToolchainMissing
from hypercell.kernel.toolchains.lock import lock

ENVIRONMENT = "HYPERCELL_TOOLCHAINS"
WASM = "compiler.wasm"
LAYER = "layer.tar"
MANIFEST = "manifest.json"
_MAX_MANIFEST = 1 << 16


class FileMark(msgspec.Struct, frozen=True):
    """What a file must be."""

    size: int
    blake2b: str


class Manifest(msgspec.Struct, frozen=True):
    """``code``: the key of the compiled compiler; ``engine``: the settings it was compiled with."""

    files: dict[str, FileMark]
    engine: str
    code: str


def default_root() -> Path:
    """``HYPERCELL_TOOLCHAINS``, else in the user's data directory."""
    configured = os.environ.get(ENVIRONMENT)
    if configured:
        return Path(configured)
    import platformdirs

    return Path(platformdirs.user_data_dir("hypercell")) / "toolchains"


class ToolchainStore:
    """The installed toolchains below one directory; what ``BuildContext.toolchains`` is."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    def path(self, name: str) -> Path:
        """Where a toolchain is, or would be."""
        return self.root / f"{name}-{lock().digest(name)}"

    def find(self, name: str) -> Path:
        """Directory of an installed toolchain. ToolchainMissing, ToolchainDamaged."""
        path = self.path(name)
        if not (path / MANIFEST).exists():
            raise ToolchainMissing(
                f"the toolchain for {', '.join(lock().toolchains[name].languages)} "
                "is not installed",
                hint=f"run once in a terminal: hypercell toolchain install {name}",
            )
        self.manifest(name)
        return path

    def manifest(self, name: str) -> Manifest:
        """The manifest, its files' sizes compared. ToolchainDamaged."""
        return read_manifest(self.path(name), name)

    def check(self, name: str) -> Manifest:
        """The manifest, every byte compared. ToolchainDamaged."""
        manifest = self.manifest(name)
        for file_name, mark in manifest.files.items():
            if hash_file(self.path(name) / file_name) != mark.blake2b:
                raise damaged(name, f"{file_name} has changed")
        return manifest

    def installed(self, name: str) -> list[Path]:
        """Every version on disk, this one and older ones."""
        if not self.root.is_dir():
            return []
        return sorted(path for path in self.root.glob(f"{name}-*") if path.is_dir())

    def size(self, name: str) -> int:
        """Bytes on disk of this version."""
        path = self.path(name)
        return sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else 0

    def remove(self, name: str) -> bool:
        """Delete every version; False if there was none."""
        found = self.installed(name)
        for path in found:
            shutil.rmtree(path)
        return bool(found)


def read_manifest(path: Path, name: str) -> Manifest:
    """The manifest in a directory, its files' sizes compared. ToolchainDamaged."""
    try:
        with (path / MANIFEST).open("rb") as file:
            manifest = msgspec.json.decode(file.read(_MAX_MANIFEST), type=Manifest)
        for file_name, mark in manifest.files.items():
            size = (path / file_name).stat().st_size
            if size != mark.size:
                raise ValueError(f"{file_name} has {size} bytes instead of {mark.size}")
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise damaged(name, str(error)) from None
    return manifest


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Put the manifest into a toolchain's directory, whole or not at all."""
    temporary = path / f".{MANIFEST}.{os.getpid()}"
    try:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        temporary.rename(path / MANIFEST)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def hash_file(path: Path) -> str:
    """BLAKE2b of a file, 20 bytes in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


def damaged(name: str, why: str) -> ToolchainDamaged:
    """The error of a toolchain that is not what it was."""
    return ToolchainDamaged(
        f"the toolchain {name} is damaged: {why}",
        hint=f"run in a terminal: hypercell toolchain remove {name} && "
        f"hypercell toolchain install {name}",
    )
