"""The generated cffi module is what its builder generates."""

from __future__ import annotations

from pathlib import Path

from hypercell.vmm import _ffi_build


def test_generating_again_gives_the_same_text(tmp_path: Path) -> None:
    again = tmp_path / "_ffi.py"
    _ffi_build.build(again)
    assert again.read_text() == _ffi_build.OUTPUT.read_text()
