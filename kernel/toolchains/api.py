"""What can be done with a toolchain: list, install, remove, status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

# progress(step, fraction): ``step`` is a short English phrase, ``fraction`` is 0.0-1.0 of that
# step, or None where it cannot be known. A new phrase begins a new step.
Progress = Callable[[str, float | None], None]


class ToolchainStatus(msgspec.Struct, frozen=True):
    """A toolchain and whether it can be used."""

    name: str  # "c"
    languages: tuple[str, ...]  # the magics it serves
    package: str  # "npm:@yowasp/clang"
    version: str
    state: str  # "installed" | "missing" | "stale" (another version or another Wasmtime) | "damaged"
    path: Path  # where it is, or would be
    size: int  # bytes on disk, 0 if missing


def list_toolchains() -> list[ToolchainStatus]:
    """Every toolchain of the lock file."""
    raise NotImplementedError


def status(name: str) -> ToolchainStatus:
    """One toolchain. Raises ``UnknownToolchain``."""
    raise NotImplementedError


def install(name: str, progress: Progress | None = None) -> ToolchainStatus:
    """Install or repair; returns at once if it is installed. Blocking: call it outside an event loop.

    Raises ``UnknownToolchain``, ``ToolchainError`` (no npm, no network, wrong hash, no space).
    """
    raise NotImplementedError


def remove(name: str) -> bool:
    """Delete every installed version; False if there was none. Raises ``UnknownToolchain``."""
    raise NotImplementedError
