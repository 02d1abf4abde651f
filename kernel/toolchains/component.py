"""Makes the Python component: pip fetches componentize-py, which is run on our own files only.

It runs in a process of its own, from a directory that goes away, when the owner installs the
toolchain; neither the kernel nor a cell ever comes near it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hypercell.kernel.errors import ToolchainError
from hypercell.kernel.toolchains import runtime_files
from hypercell.kernel.toolchains.immortal_objects import make_immortal
from hypercell.kernel.toolchains.lock import Library, PypiPin

_TAIL = 600  # characters of a tool's complaint that are shown
_SECONDS = 900.0
_WASM = b"\0asm"


def build(
    pin: PypiPin, work: Path, target: Path, tell: Callable[[str, float | None], None]
) -> None:
    """Fetch the tool into ``work`` and write the component to ``target``. ToolchainError."""
    tell(f"downloading {pin.package} {pin.version} ({pin.download} MB)", None)
    tools = work / "tools"
    requirements = work / "requirements.txt"
    wanted: list[PypiPin | Library] = [pin, *pin.libraries]
    requirements.write_text("".join(map(_requirement, wanted)))
    _run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--only-binary", ":all:", "--require-hashes"),
            *("--target", str(tools), "-r", str(requirements)),
        ],
        work,
        {},
        f"pip could not install {pin.package} {pin.version}",
        "check the network and the index that pip is configured for; a machine without a wheel "
        "of it cannot have Python cells",
    )
    tell("building Python with its standard library (10-40 s)", None)
    app, wit = runtime_files.write(work)
    for name in (name for library in pin.libraries for name in library.files):
        _copy(tools, app, name)
    _run(
        [
            *(sys.executable, str(tools / "bin" / "componentize-py")),
            *("--wit-path", str(wit), "--world", "python", "componentize"),
            *(f"{runtime_files.APP}.app", "--python-path", str(app), "--output", str(target)),
        ],
        work,
        {"PYTHONPATH": str(tools), "PYTHONDONTWRITEBYTECODE": "1"},
        f"{pin.package} could not build the Python component",
        "",
    )
    with target.open("rb") as file:
        if file.read(4) != _WASM:
            raise ToolchainError(f"{pin.package} wrote no WebAssembly")
    component = bytearray(target.read_bytes())
    make_immortal(component)
    target.write_bytes(component)


def _copy(tools: Path, app: Path, name: str) -> None:
    """A package, or one file of it; its packages are empty otherwise."""
    if (tools / name).is_dir():
        shutil.copytree(tools / name, app / name)
        return
    (app / name).parent.mkdir(parents=True, exist_ok=True)
    (app / name).write_bytes((tools / name).read_bytes())
    for parent in (app / name).relative_to(app).parents:
        if parent != Path():
            (app / parent / "__init__.py").touch()


def _requirement(pin: PypiPin | Library) -> str:
    hashes = " ".join(f"--hash=sha256:{value}" for value in pin.sha256)
    return f"{pin.package}=={pin.version} {hashes}\n"


def _run(
    command: Sequence[str], cwd: Path, environment: dict[str, str], what: str, hint: str
) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            command,
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{what}: {error}", hint=hint) from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-_TAIL:]
        raise ToolchainError(
            f"{what} (status {done.returncode}): {said or 'it said nothing'}", hint=hint
        )
