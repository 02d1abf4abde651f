"""The tars that a VM sends of what changed in its mounts: collected from pieces, and bounded."""

from __future__ import annotations

from collections.abc import Sequence

from hypercell.vmm.commands import Command, Export, Ok, Reply
from hypercell.vmm.errors import HomeLimitExceeded, ProtocolViolation
from hypercell.vmm.program import Limits

HOME = "/home"
_SLACK = 1 << 20  # a tar is larger than its files
_HEADERS = 2048  # bytes for each file at most


class Exports:
    """Of one VM: by the path of the mount, the pieces so far and whether they are all."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[bytes]] = {}
        self._whole: set[str] = set()

    def collect(
        self, commands: Sequence[Command], replies: Sequence[Reply], limits: Limits
    ) -> None:
        """Take the pieces in the replies to ``Export`` commands.

        HomeLimitExceeded if a tar is larger than anything that the limits allow; ProtocolViolation
        for crumbs, which would take an hour.
        """
        for command, reply in zip(commands, replies, strict=False):
            if not isinstance(command, Export) or not isinstance(reply, Ok):
                continue
            path = command.path
            if path in self._whole:  # nobody took the one before
                self._forget(path)
            pieces = self._pieces.setdefault(path, [])
            pieces.append(reply.data)
            if not (reply.size and reply.data):
                self._whole.add(path)
            elif len(reply.data) < command.max // 2:  # our guest fills them but for a header
                raise ProtocolViolation(f"{path} comes in pieces of {len(reply.data)} bytes")
            _check(path, sum(map(len, pieces)), limits)

    def take(self, path: str) -> bytes | None:
        """The whole tar, empty if nothing changed; None while pieces are missing."""
        if path not in self._whole:
            return None
        tar = b"".join(self._pieces[path])
        self._forget(path)
        return tar

    def _forget(self, path: str) -> None:
        self._whole.discard(path)
        del self._pieces[path]


def _check(path: str, size: int, limits: Limits) -> None:
    home = path == HOME
    most = limits.home_bytes if home else limits.dir_bytes
    files = limits.home_files if home else limits.dir_files
    if size > most + files * _HEADERS + _SLACK:
        raise HomeLimitExceeded(
            f"{path} grew over its limit of {most} bytes",
            hint="write less" + (", or raise the limit of /home" if home else ""),
        )
