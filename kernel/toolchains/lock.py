"""The lock file: which package, which version, which bytes."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import msgspec


class NpmSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The package on PyPI that brings npm to machines that have none."""

    pypi: str
    version: str
    sha256: tuple[str, ...]  # of the wheels that may be used


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One toolchain. ``wasm`` and ``layer`` are members of the package's tarball."""

    title: str
    languages: tuple[str, ...]
    package: str
    version: str
    integrity: str  # "sha512-" and the digest in base64, as npm writes it
    wasm: str
    layer: str


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``layout`` changes when what we make of the same package changes."""

    layout: int
    npm: NpmSource
    toolchains: dict[str, Pin]

    def digest(self, name: str) -> str:
        """What a toolchain is called on disk and in the keys of the build cache."""
        pin = self.toolchains[name]
        text = f"{self.layout}\0{pin.package}\0{pin.version}\0{pin.integrity}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@cache
def lock() -> Lock:
    """The lock file of this version of Hypercell."""
    text = resources.files(__package__).joinpath("toolchains.lock.json").read_bytes()
    return msgspec.json.decode(text, type=Lock)
