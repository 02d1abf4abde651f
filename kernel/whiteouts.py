"""How a tar says that something was deleted: the whiteouts of OCI layers, checked."""

from __future__ import annotations

from hypercell.kernel.tar_reader import Kind, TarEntry
from hypercell.vmm.errors import ProtocolViolation

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


def is_whiteout(path: str) -> bool:
    """Whether an entry of that path says that something was deleted."""
    return path.rpartition("/")[2].startswith(WHITEOUT)


def deleted(entry: TarEntry) -> str | None:
    """The path that a whiteout deletes, with a slash at its end: what is below it; else None.

    ProtocolViolation for a whiteout that makes no sense.
    """
    parent, _, name = entry.path.rpartition("/")
    if any(part.startswith(WHITEOUT) for part in parent.split("/")):
        raise ProtocolViolation("a tar has a directory with the name of a whiteout")
    if not name.startswith(WHITEOUT):
        return None
    if entry.kind is not Kind.FILE or entry.data:
        raise ProtocolViolation("a whiteout in a tar is not an empty file")
    if name == OPAQUE:
        return f"{parent}/"
    gone = name.removeprefix(WHITEOUT)
    if not gone or gone.startswith(WHITEOUT) or gone in (".", ".."):
        raise ProtocolViolation("a whiteout in a tar names nothing")
    return f"{parent}/{gone}" if parent else gone
