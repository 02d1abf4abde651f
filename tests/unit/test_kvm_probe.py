"""Without KVM the first thing said is what is missing and how to get it."""

import subprocess
import sys
from pathlib import Path

import pytest

from hypercell.kernel import kvm_probe

ROOT = Path(__file__).resolve().parents[2]


def test_kvm_is_here() -> None:
    assert kvm_probe.probe().problem == ""
    assert kvm_probe.main() == 0


def test_no_device(tmp_path: Path) -> None:
    found = kvm_probe.probe(str(tmp_path / "kvm"))
    assert "does not exist" in found.problem
    for word in ("modprobe", "nested", "firmware", "--device /dev/kvm"):
        assert word in found.hint


def test_no_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(kvm_probe.os, "open", refuse)  # root may open everything
    found = kvm_probe.probe()
    assert "not for you" in found.problem
    assert "usermod -aG kvm" in found.hint


def test_another_device() -> None:
    found = kvm_probe.probe("/dev/null")
    assert "does not answer" in found.problem


def test_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvm_probe.platform, "machine", lambda: "aarch64")
    assert "aarch64" in kvm_probe.probe().problem


def test_it_needs_nothing_installed() -> None:
    script = ROOT / "kernel" / "kvm_probe.py"
    assert subprocess.run([sys.executable, "-I", "-S", script]).returncode == 0
    preflight = ROOT / "scripts" / "preflight.py"
    done = subprocess.run([sys.executable, "-S", preflight], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bare = subprocess.run(
        [sys.executable, "-S", preflight], capture_output=True, text=True, env={"PATH": "/nowhere"}
    )
    assert bare.returncode == 1
    assert "No Rust" in bare.stderr
    assert "no npm" in bare.stderr
