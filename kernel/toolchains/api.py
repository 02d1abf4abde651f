"""What can be done with a toolchain: list, install, remove, status."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from hypercell.kernel.config import load_config
from hypercell.kernel.errors import ToolchainDamaged, ToolchainError, UsageError
from hypercell.kernel.suggest import did_you_mean
from hypercell.kernel.toolchains import compiled, component, npm
from hypercell.kernel.toolchains.lock import NpmPin, Pin, lock
from hypercell.kernel.toolchains.store import (
    LAYER,
    MANIFEST,
    WASM,
    FileMark,
    Manifest,
    ToolchainStore,
    hash_file,
    write_manifest,
)
from hypercell.kernel.toolchains.unpack import unpack, verify
from hypercell.kernel.toolchains.wasm_patch import export_table

# progress(step, fraction): ``step`` is a short English phrase, ``fraction`` is 0.0-1.0 of that
# step, or None where it cannot be known. A new phrase begins a new step.
Progress = Callable[[str, float | None], None]


class ToolchainStatus(msgspec.Struct, frozen=True):
    """A toolchain and whether it can be used.

    ``state``: "installed", "missing", "stale" (another version), "uncompiled" (its machine code is
    gone or for another Wasmtime: it is made again when it is used) or "damaged".
    ``size``: bytes on disk, 0 if missing.
    """

    name: str  # "c"
    languages: tuple[str, ...]  # the magics it serves
    package: str  # "npm:@yowasp/clang"
    version: str
    state: str
    path: Path  # where it is, or would be
    size: int


def list_toolchains() -> list[ToolchainStatus]:
    """Every toolchain of the lock file."""
    return [status(name) for name in lock().toolchains]


def status(name: str) -> ToolchainStatus:
    """One toolchain. UsageError for an unknown name."""
    pin = _pin(name)
    store = ToolchainStore()
    return ToolchainStatus(
        name=name,
        languages=pin.languages,
        package=f"{_registry(pin)}:{pin.package}",
        version=pin.version,
        state=_state(store, name),
        path=store.path(name),
        size=store.size(name),
    )


def install(name: str, progress: Progress | None = None) -> ToolchainStatus:
    """Install or repair; returns at once if it is there. Blocking: not inside an event loop.

    Raises UsageError (unknown name) and ToolchainError (no npm, no network, wrong hash, no space).
    """
    pin = _pin(name)
    tell = progress or (lambda step, fraction: None)
    store = ToolchainStore()
    before = _state(store, name)
    if before == "installed":
        return status(name)
    try:
        if not _files_are_whole(store, name, tell):
            _install_files(store, name, pin, tell)
        _compile(store, name, tell)
        for path in store.installed(name):  # older versions
            if path != store.path(name):
                shutil.rmtree(path, ignore_errors=True)
    except OSError as error:
        raise ToolchainError(
            f"the toolchain {name} could not be written to {store.root}: {error.strerror or error}",
            hint="it needs up to 100 MB there and 200 MB in the cache",
        ) from None
    return status(name)


def remove(name: str) -> bool:
    """Delete every installed version; False if there was none. UsageError for an unknown name."""
    _pin(name)
    return ToolchainStore().remove(name)


def _pin(name: str) -> Pin:
    pin = lock().toolchains.get(name)
    if pin is None:
        raise UsageError(
            f"there is no toolchain {name!r}", hint=did_you_mean(name, lock().toolchains)
        )
    return pin


def _state(store: ToolchainStore, name: str) -> str:
    if not (store.path(name) / MANIFEST).exists():
        return "stale" if store.installed(name) else "missing"
    try:
        manifest = store.manifest(name)
    except ToolchainDamaged:
        return "damaged"
    there = manifest.engine == compiled.ENGINE and compiled.is_there(manifest.code)
    return "installed" if there else "uncompiled"


def _files_are_whole(store: ToolchainStore, name: str, tell: Progress) -> bool:
    if not (store.path(name) / MANIFEST).exists():
        return False
    tell("verifying what is installed", None)
    try:
        store.check(name)
    except ToolchainDamaged:
        return False
    return True


def _install_files(store: ToolchainStore, name: str, pin: Pin, tell: Progress) -> None:
    store.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tmp-", dir=store.root) as directory:
        ready = Path(directory) / "ready"
        ready.mkdir()
        if isinstance(pin, NpmPin):
            _compiler(pin, Path(directory), ready, tell)
        else:
            component.build(pin, Path(directory), ready / WASM, tell)
        files = {
            file.name: FileMark(file.stat().st_size, hash_file(file)) for file in ready.iterdir()
        }
        write_manifest(ready, Manifest(files, "", ""))
        shutil.rmtree(store.path(name), ignore_errors=True)
        ready.rename(store.path(name))


def _compiler(pin: NpmPin, work: Path, ready: Path, tell: Progress) -> None:
    tell(f"downloading {pin.package} {pin.version} ({pin.download} MB)", None)
    tarball = npm.fetch(pin.package, pin.version, work, lock().npm)
    tell("verifying it", None)
    verify(tarball, pin.integrity)
    tell("unpacking it", None)
    wasm, layer = unpack(tarball, pin)
    (ready / WASM).write_bytes(export_table(wasm))
    (ready / LAYER).write_bytes(layer)


def _registry(pin: Pin) -> str:
    return "npm" if isinstance(pin, NpmPin) else "pypi"


def _compile(store: ToolchainStore, name: str, tell: Progress) -> None:
    path = store.path(name)
    tell("compiling it to machine code (up to a minute)", None)
    may_miss = load_config().allow_missing
    key = asyncio.run(compiled.compile_once((path / WASM).read_bytes(), may_miss))
    if not compiled.is_there(key):
        raise ToolchainError(
            "the compiled code could not be kept: the cache cannot be written",
            hint="see the cache line of: hypercell doctor",
        )
    write_manifest(path, Manifest(store.manifest(name).files, compiled.ENGINE, key))
