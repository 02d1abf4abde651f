"""pip finds and downloads wheels, in a process of its own; no code of a package is run.

Only wheels that are pure are asked for, so there is nothing to build. Which index is used, and
through which proxy, is the owner's configuration of pip.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hypercell.kernel.errors import PackageError, PackageRefused
from hypercell.kernel.packages.requirement import Requirement
from hypercell.kernel.safe_text import safe_text
from hypercell.kernel.sizes import format_size

Tell = Callable[[str], None]
PYTHON = "3.14"  # of the VM
MAX_DOWNLOAD = 64 << 20  # of one wheel
MAX_WHEELS = 60
_SECONDS = 180.0
_TAIL = 600  # characters of pip's complaint that are shown
_TARGET = ("--platform", "any", "--python-version", PYTHON)
_PURE = ("--only-binary", ":all:", *_TARGET, "--implementation", "py", "--abi", "none")
# The limit on files comes first: pip has none.
_PIP = (
    "import resource, runpy, sys; "
    f"resource.setrlimit(resource.RLIMIT_FSIZE, ({MAX_DOWNLOAD}, {MAX_DOWNLOAD})); "
    "sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
)
_STEP = re.compile(r"\s*((?:Collecting|Downloading|Using cached) [^/\\]{1,200})$")
_NOTHING = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)")


async def download(
    wanted: Sequence[Requirement], pinned: Mapping[str, str], tell: Tell = lambda _: None
) -> list[tuple[str, bytes]]:
    """The wheels of ``wanted`` and of what they need: (file name, bytes), by name.

    ``tell`` gets what pip says that it is looking for and downloading, line by line.
    ``pinned``: name -> version of what is there and stays. PackageRefused: a package that is not
    pure, or not there; PackageError: pip or the network failed.
    """
    with tempfile.TemporaryDirectory(prefix="hypercell-pip-") as directory:
        work = Path(directory)
        target = work / "wheels"
        target.mkdir()
        constraints = work / "constraints.txt"
        constraints.write_text("".join(f"{name}=={pinned[name]}\n" for name in sorted(pinned)))
        words = [
            "download",
            "--progress-bar",
            "off",
            *_PURE,
            "--dest",
            str(target),
            "-c",
            str(constraints),
        ]
        code, said = await _pip([*words, "--", *(one.text for one in wanted)], work, tell)
        if code:
            raise await _why(said, work)
        files = sorted(target.iterdir())
        if len(files) > MAX_WHEELS:
            raise PackageRefused(f"that needs more than {MAX_WHEELS} packages")
        return await asyncio.to_thread(_read, files)


def _read(files: Sequence[Path]) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in files]


async def _why(said: str, work: Path) -> PackageError:
    """The error for what pip complains of; it does not say whether a package is there at all."""
    missing = _NOTHING.search(said)
    if missing is None:
        if "File too large" in said:
            return PackageRefused(f"a wheel is larger than {format_size(MAX_DOWNLOAD)}")
        return PackageError(
            f"pip could not download it: {safe_text(said.strip()[-_TAIL:]) or 'it said nothing'}",
            hint="check the network, and the index that pip is configured for",
        )
    name = missing[1]
    code, _ = await _pip(["index", "versions", "--quiet", name], work)
    if code:
        return PackageRefused(
            f"there is no package {name} that fits", hint="check its name and versions"
        )
    return PackageRefused(
        f"{name} is not pure Python: it has no wheel that runs everywhere, "
        f"for the versions asked for and Python {PYTHON}",
        hint="only pure-Python packages run in the VM's CPython",
    )


async def _pip(words: Sequence[str], work: Path, tell: Tell = lambda _: None) -> tuple[int, str]:
    """Exit code and stderr. PackageError if it cannot be run or takes too long."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _PIP, *words),
        cwd=work,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            assert process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
            said, _ = await asyncio.gather(process.stderr.read(), _listen(process.stdout, tell))
            await process.wait()
    except TimeoutError:
        raise PackageError(f"pip took longer than {_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace")


async def _listen(stream: asyncio.StreamReader, tell: Tell) -> None:
    """The steps in what pip says, without paths and addresses; the rest is read and dropped."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # longer than the reader's limit
            continue
        if not line:
            return
        if step := _STEP.match(line.decode(errors="replace").rstrip()):
            tell(safe_text(step[1]))
