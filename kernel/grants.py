"""Directories of this machine that the owner lets cells see, as read-only layers.

A grant comes from the owner's configuration or the command line, never from a cell. The directory
is packed when a session starts; what cells change of it is forgotten.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from hypercell.kernel.pack import open_directory, pack_tree

_RESERVED = ("/home", "/tmp", "/dev")  # noqa: S108 (paths of the guest)


class DirectoryGrant(msgspec.Struct, frozen=True):
    """``host`` (absolute) is seen as ``guest`` (absolute, normalised)."""

    host: Path
    guest: str

    def __str__(self) -> str:
        return f"{self.host}::{self.guest}"


def parse_directory(text: str, base: Path) -> DirectoryGrant:
    """``HOST::GUEST``, or ``HOST`` for both the same; relative host paths start at ``base``.

    ValueError if the guest path cannot be used.
    """
    host_text, separator, guest_text = text.partition("::")
    if not host_text:
        raise ValueError(f"{text!r} names no directory")
    if "\0" in text:
        raise ValueError(f"{text!r} holds a NUL character")
    host = host_path(host_text, base)
    return DirectoryGrant(host, guest_path(guest_text if separator else str(host)))


def host_path(text: str, base: Path) -> Path:
    """``text`` as an absolute path of this machine, a relative one from ``base``; ValueError."""
    try:
        return Path(os.path.normpath(base / Path(text).expanduser())).absolute()
    except RuntimeError as error:  # ~ or ~name of nobody
        raise ValueError(f"{text!r}: {error}") from None


def guest_path(text: str) -> str:
    """``text`` as a normalised absolute path of the guest; ValueError if it cannot be used."""
    guest = os.path.normpath("/" + text.lstrip("/"))
    if guest == "/" or any(guest == r or guest.startswith(r + "/") for r in _RESERVED):
        raise ValueError(f"{guest} belongs to the cell: choose another guest path, like /data")
    return guest


def pack_directory(grant: DirectoryGrant) -> bytes:
    """A tar that mounted on ``/`` shows ``grant.host`` at ``grant.guest``. ConfigError."""
    root = open_directory(grant.host)
    try:
        return pack_tree(root, grant.host, prefix=grant.guest.lstrip("/")).tar
    finally:
        os.close(root)
