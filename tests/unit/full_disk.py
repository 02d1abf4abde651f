"""Runs a script where the disk is really full, as root or not, in a container or not.

``run`` gives the script a directory of its own as ``sys.argv[1]``. The first of these ways that the
machine allows is taken:

- a tmpfs of a few MiB in a user and mount namespace of the script's own, or in a mount namespace;
  what is written over its size fails with ENOSPC;
- a limit on the size of files: what is written over it fails with EFBIG, in memory files too.

The script calls ``fill`` and ``free`` of ``Disk(sys.argv)``.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

TMPFS, LIMIT = "tmpfs", "limit"
_SIZE = "8m"
_MOUNT = f'mount -t tmpfs -o size={_SIZE},mode=700 none "$0" && exec "$@"'
_NAMESPACES = (("unshare", "--user", "--map-root-user", "--mount"), ("unshare", "--mount"))


def namespace() -> tuple[str, ...]:
    """The command that gives a script mounts of its own; empty where there is none."""
    with tempfile.TemporaryDirectory() as place:
        for words in _NAMESPACES:
            with contextlib.suppress(OSError):
                command = [*words, "sh", "-c", _MOUNT, place, "true"]
                if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                    return words
    return ()


def run(script: Path, place: Path, way: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script; ``way`` LIMIT: not on a small disk, though there may be one."""
    words = namespace() if way == TMPFS else ()
    command = [sys.executable, str(script), str(place), TMPFS if words else LIMIT]
    if words:
        command = [*words, "sh", "-c", _MOUNT, str(place), *command]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
        timeout=1200,
    )


class Disk:
    """The disk as the script sees it."""

    def __init__(self, arguments: list[str]) -> None:
        self.place = Path(arguments[1])
        self.small = arguments[2] == TMPFS
        self._ballast = self.place / "ballast"

    def fill(self, left: int = 0) -> None:
        """From now on only ``left`` more bytes, in pages, can be written."""
        if not self.small:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (left, hard))
            return
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
            file.truncate(max(file.tell() - left, 0))

    def free(self) -> None:
        """There is room again."""
        if self.small:
            self._ballast.unlink(missing_ok=True)
        else:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
