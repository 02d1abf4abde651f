"""The memory of a session's VMs, which goes from one to the next: nothing of it is copied.

It is a memory file with a place for each 2 MiB of RAM and of each arena. It holds nothing but what
ring 3 can write: no page table and no code of the guest. One VM has it at a time. When that VM has
ended well, the file is the state that was committed, and once its process is gone, the next one may
have it. Whatever else happens to a VM, its file is dropped, and made anew out of the state.
"""

from __future__ import annotations

import fcntl
import os
import weakref

from hypercell.vmm import abi, linux, memfd
from hypercell.vmm.arenas import UNITS

_SIZE = (1 + abi.ARENA_COUNT) * UNITS * abi.HUGE  # the file is sparse


class SessionMemory:
    """Owns the descriptor; it closes with the last reference.

    The size is sealed: nobody can take pages from under the VM that has the file next.
    """

    def __init__(self) -> None:
        self.fd = memfd.create("session")
        weakref.finalize(self, os.close, self.fd)
        os.ftruncate(self.fd, _SIZE)
        fcntl.fcntl(self.fd, linux.F_ADD_SEALS, linux.SIZE_SEALS)
