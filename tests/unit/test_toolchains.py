"""Toolchains: the lock file, what is unpacked, what counts as installed. Nothing is downloaded."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
from pathlib import Path

import msgspec
import pytest
import wasmtime

from hypercell.kernel.errors import (
    ToolchainDamaged,
    ToolchainError,
    ToolchainMissing,
    UsageError,
)
from hypercell.kernel.installed import InstalledToolchains
from hypercell.kernel.toolchains import api, compiled, npm, unpack
from hypercell.kernel.toolchains.lock import NpmPin, lock
from hypercell.kernel.toolchains.store import (
    MANIFEST,
    FileMark,
    Manifest,
    ToolchainStore,
    hash_file,
)
from hypercell.kernel.toolchains.wasm_patch import TABLE, export_table


def tarball(path: Path, files: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.type = kind
            info.size = len(data) if kind == tarfile.REGTYPE else 0
            info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO(data))
    return path


def tar(*members: tuple[str, bytes, bytes]) -> bytes:
    """(name, type, data)"""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:") as out:
        for name, kind, data in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(data), "target"
            info.mtime, info.uid, info.uname = 12345, 1000, "me"
            out.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_the_lock_file_pins_everything():
    for name, pin in lock().toolchains.items():
        if not isinstance(pin, NpmPin):
            assert all(len(bytes.fromhex(value)) == 32 for value in pin.sha256)
            assert pin.sha256
            continue
        algorithm, _, value = pin.integrity.partition("-")
        assert algorithm == "sha512"
        assert len(base64.b64decode(value)) == 64
        assert pin.version[0].isdigit()
        assert len(lock().digest(name)) == 16
    assert all(len(value) == 64 for value in lock().npm.sha256)


def test_other_bytes_are_not_installed(tmp_path: Path):
    file = tmp_path / "x.tgz"
    file.write_bytes(b"package")
    good = "sha512-" + base64.b64encode(hashlib.sha512(b"package").digest()).decode()
    unpack.verify(file, good)
    file.write_bytes(b"Package")
    with pytest.raises(ToolchainError, match="not the one in the lock file"):
        unpack.verify(file, good)
    with pytest.raises(ToolchainError, match="unknown hash"):
        unpack.verify(file, "md5-x")


def test_only_two_members_are_read(tmp_path: Path):
    pin = lock().toolchains["c"]
    inner = tar(("include", tarfile.DIRTYPE, b""), ("include/a.h", tarfile.REGTYPE, b"int a;"))
    files = {pin.wasm: b"wasm", pin.layer: inner, "../../escape": b"x", "/etc/passwd": b"x"}
    wasm, layer = unpack.unpack(tarball(tmp_path / "x.tgz", files), pin)
    assert wasm == b"wasm"
    with tarfile.open(fileobj=io.BytesIO(layer)) as read:
        assert [(m.name, m.mtime, m.uid, m.uname, m.mode) for m in read] == [
            ("include", 0, 0, "", 0o755),
            ("include/a.h", 0, 0, "", 0o644),
        ]
    assert os.listdir(tmp_path) == ["x.tgz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_member_that_is_no_file_does_not_count(tmp_path: Path, kind: bytes):
    pin = lock().toolchains["c"]
    path = tarball(tmp_path / "x.tgz", {pin.wasm: b"", pin.layer: b""}, kind)
    with pytest.raises(ToolchainError, match="has no file"):
        unpack.unpack(path, pin)


@pytest.mark.parametrize("damage", [b"", b"not a tar", b"\x1f\x8b" + b"x" * 50])
def test_a_damaged_tarball_is_an_error(tmp_path: Path, damage: bytes):
    path = tmp_path / "x.tgz"
    path.write_bytes(damage)
    with pytest.raises(ToolchainError):
        unpack.unpack(path, lock().toolchains["c"])


@pytest.mark.parametrize(
    "member",
    [
        ("../x", tarfile.REGTYPE, b""),
        ("/x", tarfile.REGTYPE, b""),
        ("a/../../x", tarfile.REGTYPE, b""),
        ("link", tarfile.SYMTYPE, b""),
        ("hard", tarfile.LNKTYPE, b""),
        ("dev", tarfile.CHRTYPE, b""),
    ],
)
def test_a_layer_has_plain_files_and_directories_only(member: tuple[str, bytes, bytes]):
    with pytest.raises(ToolchainError):
        unpack.layer(tar(member))


def test_the_layer_is_the_same_each_time():
    one = tar(("b", tarfile.REGTYPE, b"1"), ("a", tarfile.REGTYPE, b"2"))
    two = tar(("a", tarfile.REGTYPE, b"2"), ("b", tarfile.REGTYPE, b"1"))
    assert unpack.layer(one) == unpack.layer(two)


def test_the_table_is_exported():
    wasm = bytes(wasmtime.wat2wasm('(module (table 3 funcref) (func (export "_start")))'))
    patched = export_table(wasm)
    module = wasmtime.Module(wasmtime.Engine(), patched)
    assert [export.name for export in module.exports] == ["_start", TABLE]
    assert export_table(patched) == patched


@pytest.mark.parametrize(
    "wasm",
    [
        b"",
        b"\0asm",
        b"\0asm\1\0\0\0",
        b"\0asm\1\0\0\0\7\xff\xff\xff\xff\xff",
        b"\0asm\1\0\0\0\7\x05\0",
        bytes(wasmtime.wat2wasm('(module (func (export "f")))')),
        bytes(wasmtime.wat2wasm("(module (table 1 funcref))")),
    ],
)
def test_what_is_no_compiler_is_an_error(wasm: bytes):
    with pytest.raises(ToolchainError):
        export_table(wasm)


def make(store: ToolchainStore, monkeypatch: pytest.MonkeyPatch, *, there: bool = True) -> Path:
    path = store.path("c")
    path.mkdir(parents=True)
    (path / "compiler.wasm").write_bytes(b"wasm")
    mark = FileMark(4, hash_file(path / "compiler.wasm"))
    manifest = Manifest({"compiler.wasm": mark}, compiled.ENGINE, "key")
    (path / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    monkeypatch.setattr(compiled, "is_there", lambda key: there)
    return path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToolchainStore:
    monkeypatch.setenv("HYPERCELL_TOOLCHAINS", str(tmp_path / "toolchains"))
    return ToolchainStore()


def test_missing_says_which_command_to_run(store: ToolchainStore):
    assert api.status("c").state == "missing"
    assert api.status("c").size == 0
    with pytest.raises(ToolchainMissing) as caught:
        store.find("c")
    assert "hypercell toolchain install c" in caught.value.hint
    assert api.remove("c") is False


def test_installed_stale_damaged(store: ToolchainStore, monkeypatch: pytest.MonkeyPatch):
    path = make(store, monkeypatch)
    assert api.status("c").state == "installed"
    assert store.find("c") == path
    store.check("c")
    assert api.install("c").state == "installed"  # and nothing is fetched

    (path / "compiler.wasm").write_bytes(b"wasN")
    with pytest.raises(ToolchainDamaged, match="changed"):
        store.check("c")
    (path / "compiler.wasm").write_bytes(b"wasm, longer")
    assert api.status("c").state == "damaged"
    with pytest.raises(ToolchainDamaged) as caught:
        store.find("c")
    assert "install c" in caught.value.hint
    (path / MANIFEST).write_bytes(b"{")
    assert api.status("c").state == "damaged"
    assert api.remove("c") is True
    assert api.status("c").state == "missing"


def test_code_that_is_gone_or_for_another_engine_is_made_again_when_it_is_used(
    store: ToolchainStore, monkeypatch: pytest.MonkeyPatch
):
    path = make(store, monkeypatch, there=False)
    assert api.status("c").state == "uncompiled"
    assert InstalledToolchains().find("c") == path
    monkeypatch.setattr(compiled, "is_there", lambda key: True)
    assert api.status("c").state == "installed"
    monkeypatch.setattr(compiled, "ENGINE", "another")
    assert api.status("c").state == "uncompiled"


def test_another_version_is_stale(store: ToolchainStore):
    (store.root / "c-0123456789abcdef").mkdir(parents=True)
    assert api.status("c").state == "stale"
    with pytest.raises(ToolchainMissing):
        store.find("c")


def test_unknown_names(store: ToolchainStore):
    for call in (api.status, api.install, api.remove):
        with pytest.raises(UsageError, match="'cc'"):
            call("cc")


def test_npm_that_fails_says_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    script = tmp_path / "npm"
    script.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho E404 no such >&2\nexit 1\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(ToolchainError, match="E404 no such"):
        npm.fetch("p", "1.0.0", work, lock().npm)


def test_a_failed_install_leaves_nothing(
    store: ToolchainStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def fetch(package: str, version: str, work: Path, source: object) -> Path:
        path = work / "other.tgz"
        path.write_bytes(b"other bytes")
        return path

    monkeypatch.setattr(npm, "fetch", fetch)
    steps: list[str] = []
    with pytest.raises(ToolchainError, match="lock file"):
        api.install("c", lambda step, fraction: steps.append(step))
    assert steps[0].startswith("downloading")
    assert os.listdir(store.root) == []
