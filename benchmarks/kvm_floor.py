"""The floor: the smallest guest that KVM can run, from the same Python, and nothing of ours.

One page of memory, one vCPU, one instruction (`out`). What a VM costs above this is Hypercell's.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import struct
from typing import Self

_CREATE_VM, _CREATE_VCPU, _RUN = 0xAE01, 0xAE41, 0xAE80
_GET_VCPU_MMAP_SIZE = 0xAE04
_SET_MEMORY = 0x4020AE46
_SET_REGS, _GET_SREGS, _SET_SREGS = 0x4090AE82, 0x8138AE83, 0x4138AE84
_PAGE = 4096
_EXIT_IO = 2
_OUT_LOOP = b"\xe6\x10\xeb\xfc"  # again: out 0x10, al; jmp again


class SmallestVM:
    """Made, and run to its first exit; ``again`` runs it to its next one."""

    def __init__(self) -> None:
        self._owned = [os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)]
        size = fcntl.ioctl(self._owned[0], _GET_VCPU_MMAP_SIZE, 0)
        vm = fcntl.ioctl(self._owned[0], _CREATE_VM, 0)
        self._owned.append(vm)
        self._memory = mmap.mmap(-1, _PAGE)
        self._memory[: len(_OUT_LOOP)] = _OUT_LOOP
        self._view = ctypes.c_char.from_buffer(self._memory)
        address = ctypes.addressof(self._view)
        fcntl.ioctl(vm, _SET_MEMORY, struct.pack("<IIQQQ", 0, 0, 0, _PAGE, address))
        self._vcpu = fcntl.ioctl(vm, _CREATE_VCPU, 0)
        self._owned.append(self._vcpu)
        self._state = mmap.mmap(self._vcpu, size)
        special = bytearray(312)
        fcntl.ioctl(self._vcpu, _GET_SREGS, special)
        special[0:8] = bytes(8)  # cs.base
        special[12:14] = bytes(2)  # cs.selector
        fcntl.ioctl(self._vcpu, _SET_SREGS, bytes(special))
        fcntl.ioctl(self._vcpu, _SET_REGS, struct.pack("<18Q", *[0] * 17, 2))
        self.again()

    def again(self) -> None:
        """Enter the guest; it comes straight back."""
        fcntl.ioctl(self._vcpu, _RUN, 0)
        (reason,) = struct.unpack_from("<I", self._state, 8)
        if reason != _EXIT_IO:
            raise RuntimeError(f"the smallest guest left for reason {reason}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._state.close()
        del self._view
        self._memory.close()
        for descriptor in reversed(self._owned):
            os.close(descriptor)
