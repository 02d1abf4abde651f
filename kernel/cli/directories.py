"""``--dir``: directories of this machine that a program may change, and what becomes of them.

A directory goes into the VM as a tar. When the program has ended, what it changed comes out as a
tar and is written back by ``kernel/write_back.py``; while it runs nothing on this machine changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Self

from hypercell.kernel.errors import UsageError
from hypercell.kernel.grants import guest_path, host_path
from hypercell.kernel.pack import open_directory, pack_tree
from hypercell.kernel.run import Writable
from hypercell.kernel.safe_text import safe_name
from hypercell.kernel.sizes import format_size
from hypercell.kernel.write_back import write_back
from hypercell.vmm.errors import Closed, HypercellError
from hypercell.vmm.host_calls import told
from hypercell.vmm.layer import Layer
from hypercell.vmm.program import Limits
from hypercell.vmm.vm import Vm

WORK = "/work"  # where a directory is that the program sees as "." or "/"
_SHOWN = 10  # problems of one directory that are told


class Directory:
    """One ``--dir``, held open: ``writable`` is its mount."""

    def __init__(self, text: str, limits: Limits) -> None:
        """Pack it. UsageError for a text that is wrong, ConfigError for a directory that is."""
        self.host, mount, names = _parse(text)
        self.root = open_directory(self.host)
        self._began = time.time()
        self._limits = limits
        try:
            packed = pack_tree(
                self.root, self.host, max_bytes=limits.dir_bytes, max_files=limits.dir_files
            )
            self._seen = packed.seen
            self.size = packed.size
            self.writable = Writable(mount, Layer.from_bytes(packed.tar), names)
        except BaseException:
            self.close()
            raise

    async def write_back(self, vm: Vm) -> list[str]:
        """Write what the program changed; what could not be written. HypercellError."""
        delta = await vm.export(self.writable.mount)
        if delta is None:
            return []
        with told("writing back"):
            root = os.dup(self.root)
            writing = asyncio.ensure_future(asyncio.to_thread(self._write, root, delta))
            try:
                return await asyncio.shield(writing)
            except asyncio.CancelledError:
                await writing  # an interrupt does not leave it half written
                raise

    def _write(self, root: int, delta: bytes) -> list[str]:
        """In a thread, which has a descriptor of its own: ``close`` may come meanwhile."""
        try:
            return write_back(
                root, delta, self._seen, began=self._began, max_files=self._limits.dir_files
            )
        finally:
            os.close(root)

    def close(self) -> None:
        """Let go of it."""
        if self.root >= 0:
            os.close(self.root)
            self.root = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def opened(texts: Sequence[str], limits: Limits) -> Iterator[list[Directory]]:
    """The directories of a command line, mounts that hold others first. UsageError, ConfigError."""
    with contextlib.ExitStack() as stack:
        found: list[Directory] = []
        for text in texts:
            found.append(stack.enter_context(Directory(text, limits)))
            mounts = [directory.writable.mount for directory in found]
            if len(set(mounts)) != len(mounts):
                raise UsageError(
                    f"--dir: two directories at {mounts[-1]}", hint="write --dir HOST::GUEST"
                )
            if sum(directory.size for directory in found) > limits.dir_bytes:
                raise UsageError(
                    f"--dir: the directories have more than {format_size(limits.dir_bytes)}",
                    hint="give smaller ones",
                )
        yield sorted(found, key=lambda directory: directory.writable.mount.count("/"))


async def write_all_back(vm: Vm, directories: Sequence[Directory]) -> list[str]:
    """Write back after the program's end, whatever it was; what is to be told."""
    told: list[str] = []
    for directory in directories:
        host = safe_name(str(directory.host))
        try:
            problems = await directory.write_back(vm)
        except Closed:
            told.append(
                f"{host}: as it was before: of a program that is stopped while it runs "
                "nothing is written"
            )
        except HypercellError as error:
            told.append(f"{host}: as it was before: {error}")
        else:
            told += [f"{host}: {problem}" for problem in problems[:_SHOWN]]
            if len(problems) > _SHOWN:
                told.append(f"{host}: {len(problems) - _SHOWN} more of the kind")
    return told


def _parse(text: str) -> tuple[Path, str, tuple[str, ...]]:
    """Host directory, mount, preopens. As the wasmtime command has it: HOST alone is both."""
    host_text, separator, guest = text.partition("::")
    if not separator:
        guest = host_text
    if not host_text or not guest:
        raise UsageError(f"--dir: {text!r} names no directory", hint="write --dir HOST::GUEST")
    try:
        host = host_path(host_text, Path.cwd())
    except ValueError as error:
        raise UsageError(f"--dir: {error}", hint="write --dir HOST::GUEST") from error
    if os.path.normpath(guest) in (".", "/", "//"):
        return host, WORK, (WORK, f"{WORK}::{'.' if os.path.normpath(guest) == '.' else '/'}")
    if ".." in PurePosixPath(guest).parts:
        raise UsageError(
            f"--dir: the program cannot see a directory as {safe_name(guest)}",
            hint="say where it sees it: --dir HOST::GUEST",
        )
    try:
        mount = guest_path(guest)
    except ValueError as error:
        raise UsageError(f"--dir: {error}", hint="write --dir HOST::GUEST") from error
    return host, mount, (mount,)
