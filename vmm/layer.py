"""Bytes that a VM sees read-only: a tar to mount, or a single file."""

from __future__ import annotations

import os
import weakref
from typing import Self

from hypercell.vmm import memfd
from hypercell.vmm.abi import LAYER_SIZE
from hypercell.vmm.errors import HostError
from hypercell.vmm.host_calls import told


class Layer:
    """A sealed memory file of ``size`` bytes. It closes with its last reference or by ``close``."""

    def __init__(self, fd: int) -> None:
        """Take over a sealed memory file."""
        self.fd = fd
        self.size = os.fstat(fd).st_size
        self._finalizer = weakref.finalize(self, os.close, fd)
        if self.size > LAYER_SIZE:
            self.close()
            raise HostError(
                f"a layer of {self.size} bytes does not fit the {LAYER_SIZE} bytes of the window"
            )

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """Copy bytes into a layer."""
        with told("making a layer"):
            return cls(memfd.of_bytes(data, "layer"))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Copy a file into a layer. Raises ``SystemCallFailed``."""
        with told("making a layer"):
            return cls(memfd.of_file(path, "layer"))

    def read(self) -> bytes:
        """Return all of its bytes."""
        return memfd.read(self.fd, self.size)

    def close(self) -> None:
        """Close it before its last reference goes. Calling it again does nothing."""
        self._finalizer()
