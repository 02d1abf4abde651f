"""The build backend: setuptools, and cargo for the guest image.

A wheel carries the image as ``hypercell/vmm/image/hypercell-guest``; an editable install uses the
one in ``guest/target``. ``pyproject.toml`` names this module; nothing imports it at run time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

GUEST = Path(__file__).resolve().parent.parent / "guest"
IMAGE = GUEST / "target" / "release" / "hypercell-image"

build_wheel = build_meta.build_wheel


def build_image() -> Path:
    """Build the guest image with cargo, which does nothing when it is up to date."""
    cargo = shutil.which("cargo")
    if cargo is None:
        sys.exit("error: the guest image needs Rust 1.95 or later: install it with rustup")
    command = [cargo, "build", "--release", "--locked", "--package", "hypercell-image"]
    subprocess.run([*command, "--target-dir", str(GUEST / "target")], cwd=GUEST, check=True)
    return IMAGE


def build_editable(
    wheel_directory: str,
    config_settings: dict[str, str | list[str] | None] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build the image, then what setuptools builds."""
    build_image()
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)


class BuildPy(build_py):
    """Copies the Python files from scratch, and the image."""

    def run(self) -> None:
        if self.editable_mode:
            super().run()
            return
        # What an earlier build left there would get into the wheel.
        shutil.rmtree(Path(self.build_lib) / "hypercell", ignore_errors=True)
        super().run()
        target = Path(self.build_lib) / "hypercell" / "vmm" / "image" / "hypercell-guest"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(build_image(), target)


class Wheel(bdist_wheel):
    """Any Python 3, but only the machine that the image is for."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", "linux_x86_64"
