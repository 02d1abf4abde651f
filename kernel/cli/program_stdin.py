"""Where a program of ``hypercell run`` reads from: this command's stdin, or ``--stdin TEXT``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

from hypercell.kernel.result import OnStdin


def host_stdin() -> OnStdin:
    """This command's own stdin, read only when the program asks."""
    descriptor = sys.stdin.fileno()

    async def read(limit: int) -> bytes:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        # A terminal or pipe is waited for, so that a time-out or Ctrl-C still counts; a file has
        # its bytes now, and epoll refuses it.
        with contextlib.suppress(PermissionError):
            loop.add_reader(descriptor, _settle, ready)
            try:
                await ready
            finally:
                loop.remove_reader(descriptor)
        return os.read(descriptor, limit)

    return read


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def given(text: str) -> OnStdin:
    """``--stdin TEXT``."""
    left = bytearray(text.encode("utf-8", "surrogateescape"))

    async def read(limit: int) -> bytes:
        piece = bytes(left[:limit])
        del left[:limit]
        return piece

    return read
