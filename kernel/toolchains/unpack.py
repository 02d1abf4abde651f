"""From the tarball to the two files a toolchain is: its Wasm and its layer. Nothing is trusted."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zlib
from pathlib import Path

from hypercell.kernel.errors import ToolchainError
from hypercell.kernel.tar_reader import check_path
from hypercell.kernel.toolchains.lock import NpmPin
from hypercell.vmm.errors import HypercellError

_MAX_FILE = 1 << 28
_MAX_ENTRIES = 20_000
# What the standard library raises for archives that are none, and for numbers that fit nowhere.
_UNREADABLE = (tarfile.TarError, OSError, EOFError, OverflowError, ValueError, zlib.error)


def verify(tarball: Path, integrity: str) -> None:
    """Compare the file with npm's integrity string."""
    algorithm, _, expected = integrity.partition("-")
    if algorithm != "sha512":
        raise ToolchainError(f"the lock file has an unknown hash: {algorithm}")
    with tarball.open("rb") as file:
        found = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
    if found != expected:
        raise ToolchainError(
            f"the downloaded {tarball.name} is not the one in the lock file "
            f"(sha512 {found[:16]}…, expected {expected[:16]}…)",
            hint="a registry or a proxy gave other bytes: nothing was installed",
        )


def unpack(tarball: Path, pin: NpmPin) -> tuple[bytes, bytes]:
    """(Wasm, layer): the two members that the lock file names; the layer is made anew."""
    wanted = {pin.wasm: b"", pin.layer: b""}
    try:
        with tarfile.open(tarball, "r:gz") as tar:
            for count, member in enumerate(tar):
                if count > _MAX_ENTRIES:
                    raise ToolchainError(f"{tarball.name} has too many entries")
                if member.name in wanted and member.isreg():
                    wanted[member.name] = _member(tar, member)
    except _UNREADABLE as error:
        raise ToolchainError(f"{tarball.name} cannot be read: {error}") from None
    for name, data in wanted.items():
        if not data:
            raise ToolchainError(f"{tarball.name} has no file {name}")
    return wanted[pin.wasm], layer(wanted[pin.layer])


def layer(tar: bytes) -> bytes:
    """The same files as a plain tar: no links, no odd names, no owners, no times, sorted."""
    entries: list[tuple[str, bytes | None]] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as source:
            for member in source:
                if len(entries) > _MAX_ENTRIES:
                    raise ToolchainError("the toolchain's layer has too many entries")
                if not member.isreg() and not member.isdir():
                    raise ToolchainError(
                        f"the toolchain's layer has a link or device: {member.name}"
                    )
                path = check_path(member.name.rstrip("/"))
                entries.append((path, _member(source, member) if member.isreg() else None))
    except HypercellError as error:
        raise ToolchainError(f"the toolchain's layer is not plain: {error.message}") from None
    except _UNREADABLE as error:
        raise ToolchainError(f"the toolchain's layer cannot be read: {error}") from None
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:", format=tarfile.PAX_FORMAT) as out:
        for path, data in sorted(entries, key=lambda entry: entry[0]):
            info = tarfile.TarInfo(path)
            info.mode = 0o755 if data is None else 0o644
            info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
            info.size = len(data or b"")
            out.addfile(info, io.BytesIO(data or b""))
    return target.getvalue()


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > _MAX_FILE:
        raise ToolchainError(f"{member.name} has {member.size} bytes, more than a toolchain may")
    file = tar.extractfile(member)
    if file is None:
        raise ToolchainError(f"{member.name} is no file")
    return file.read(_MAX_FILE)
