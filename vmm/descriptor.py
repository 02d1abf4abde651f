"""A descriptor that closes with its last reference."""

from __future__ import annotations

import os
import weakref


class Descriptor:
    """Owns ``fd``. Whoever works with it holds this, so that nobody closes it meanwhile: a thread
    goes on when its task is cancelled, or when what it works for is closed.
    """

    __slots__ = ("__weakref__", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        weakref.finalize(self, os.close, fd)
