"""Toolchains, write-back and the command line on a full disk; a script for ``full_disk.run``."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
import wasmtime
from full_disk import Disk

from hypercell.kernel.errors import ToolchainError
from hypercell.kernel.pack import open_directory, pack_tree
from hypercell.kernel.toolchains import api, npm
from hypercell.kernel.toolchains.lock import NpmPin, lock
from hypercell.kernel.toolchains.store import ENVIRONMENT, MANIFEST, ToolchainStore
from hypercell.kernel.write_back import write_back
from hypercell.vmm import cache as caches

FREE = (0, 4096, 40_000, 90_000, 250_000)  # the toolchain takes more, piece by piece
CLANG = """(module (table 1 funcref) (memory (export "memory") 1)
  (func $f (export "_start")) (elem (i32.const 0) $f))"""


def tar(mode: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as made:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), int(time.time())
            made.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def refused(text: str = "") -> None:
    """An installation that does not fit says so, and what to do."""
    with pytest.raises(ToolchainError, match=text) as caught:
        api.install("c")
    assert caught.value.hint, caught.value


def toolchains(disk: Disk) -> None:
    """An installation that does not fit leaves nothing; one whose code does not, is made whole."""
    os.environ[ENVIRONMENT] = str(disk.place / "toolchains")
    store = ToolchainStore()
    pin = lock().toolchains["c"]
    assert isinstance(pin, NpmPin)
    padded = wasmtime.wat2wasm(CLANG) + b"\0\xa1\x8d\x06\x01p" + os.urandom(99_999)
    tarball = tar("w:gz", {pin.wasm: padded, pin.layer: tar("w:", {"lib": os.urandom(99_999)})})

    def fetch(package: str, version: str, work: Path, source: object) -> Path:
        path = work / "package.tgz"
        path.write_bytes(tarball)
        return path

    npm.fetch = fetch
    api.verify = lambda *_: None  # its hash is not that of the lock file
    store.root.mkdir()
    for left in FREE if disk.small else FREE[:-1]:  # the largest file has 200,000
        disk.fill(left)
        refused()
        assert os.listdir(store.root) == [], left
        assert api.status("c").state == "missing"
    disk.free()

    os.environ[caches.ENVIRONMENT] = str(disk.place / "nowhere" / "cache")
    (disk.place / "nowhere").write_text("no directory")
    refused("could not be kept")
    assert api.status("c").state == "uncompiled"
    os.environ[caches.ENVIRONMENT] = str(disk.place / "cache")
    disk.fill()
    refused()
    assert sorted(os.listdir(store.path("c")))[-1] == MANIFEST
    assert len(os.listdir(store.path("c"))) == 3
    disk.free()
    assert api.install("c").state == "installed"


def write_backs(disk: Disk) -> None:
    """What fits not is told; what was there stays."""
    place = disk.place / "data"
    place.mkdir()
    (place / "old").write_bytes(b"o" * 50_000)
    (place / "gone").write_text("g")
    root = open_directory(place)
    seen = pack_tree(root, place).seen
    delta = tar("w:", {".wh.gone": b"", "old": b"n" * 300_000, "new": b"n"})
    for left in FREE:
        disk.fill(left)
        problems = write_back(root, delta, seen, began=time.time(), max_files=10)
        assert problems, left
        assert (place / "old").read_bytes() == b"o" * 50_000
        assert not [name for name in os.listdir(place) if name.startswith(".hypercell")]
        if disk.small:
            assert "the rest was not written" in problems[0]
            assert sorted(os.listdir(place)) == ["gone", "old"]
    disk.free()
    assert write_back(root, delta, seen, began=time.time(), max_files=10) == []
    assert sorted(os.listdir(place)) == ["new", "old"]
    os.close(root)


def command_line(disk: Disk) -> None:
    """A program that wrote more than fits, and the kernelspec: an error, no traceback."""
    program = disk.place / "program.py"
    program.write_text("open('/data/old', 'wb').write(bytes(1 << 20)); print('done')")
    (disk.place / "prefix").mkdir()
    disk.fill(8192 if disk.small else 512)
    for words, status, text in (
        (("run", program, "--dir", f"{disk.place / 'data'}::/data"), 125, "was not written"),
        (("install", "--prefix", disk.place / "prefix"), 1, "cannot be written"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "hypercell.kernel.cli.main", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        assert "hypercell: hint: " in done.stderr or disk.small, done.stderr
        if disk.small:
            assert text in done.stderr, done.stderr
    assert (disk.place / "data" / "old").read_bytes() == b"n" * 300_000
    disk.free()


def main(disk: Disk) -> None:
    write_backs(disk)
    command_line(disk)
    toolchains(disk)
    print("sound")


if __name__ == "__main__":
    main(Disk(sys.argv))
