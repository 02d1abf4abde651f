"""The lock file: which package, which version, which bytes."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

import msgspec

from hypercell.kernel.toolchains import runtime_files


class _Pin(msgspec.Struct, frozen=True):
    """One toolchain: which package, which version."""

    title: str
    languages: tuple[str, ...]
    package: str
    version: str
    download: int  # MB, for people


class NpmSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The package on PyPI that brings npm to machines that have none."""

    pypi: str
    version: str
    sha256: tuple[str, ...]  # of the wheels that may be used


class NpmPin(_Pin, frozen=True, forbid_unknown_fields=True, tag_field="registry", tag="npm"):
    """A compiler that is WebAssembly. ``wasm`` and ``layer`` are members of the tarball."""

    integrity: str  # "sha512-" and the digest in base64, as npm writes it
    wasm: str
    layer: str

    @property
    def digest_text(self) -> str:
        """What decides what is installed."""
        return f"{self.package}\0{self.version}\0{self.integrity}"


class Library(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files or folders of a package on PyPI that become part of the runtime."""

    package: str
    version: str
    sha256: tuple[str, ...]  # of the wheels that may be used
    files: tuple[str, ...]

    @property
    def digest_text(self) -> str:
        """What decides what is installed."""
        return "\0".join((self.package, self.version, *self.sha256, *self.files))


class PypiPin(_Pin, frozen=True, forbid_unknown_fields=True, tag_field="registry", tag="pypi"):
    """A tool that makes a component of our own runtime, at installation; cells never see it."""

    sha256: tuple[str, ...]  # of the wheels that may be used
    libraries: tuple[Library, ...] = ()

    @property
    def digest_text(self) -> str:
        """What decides what is installed: the tool, and the runtime's files."""
        libraries = [library.digest_text for library in self.libraries]
        own = runtime_files.digest()
        return "\0".join((self.package, self.version, *self.sha256, *libraries, own))


Pin = NpmPin | PypiPin


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``layout`` changes when what we make of the same package changes."""

    layout: int
    npm: NpmSource
    toolchains: dict[str, Pin]

    def digest(self, name: str) -> str:
        """What a toolchain is called on disk and in the keys of the build cache."""
        text = f"{self.layout}\0{self.toolchains[name].digest_text}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@cache
def lock() -> Lock:
    """The lock file of this version of Hypercell."""
    text = resources.files(__package__).joinpath("toolchains.lock.json").read_bytes()
    return msgspec.json.decode(text, type=Lock)
