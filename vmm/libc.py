"""Host memory and the few system calls that Python's library lacks.

With ``kvm.py`` the only module that touches cffi: every raw host address is born here.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hypercell.vmm._ffi import ffi as _generated
from hypercell.vmm.abi import HUGE, PAGE
from hypercell.vmm.errors import HostError, SystemCallFailed
from hypercell.vmm.host_calls import hint

ffi: Any = _generated  # untyped by nature
_lib: Any = ffi.dlopen(None)

PROT_NONE, PROT_READ, PROT_WRITE = 0, 1, 2
MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE = 1, 2, 0x10, 0x20, 0x4000
MADV_DONTNEED, MADV_HUGEPAGE, MADV_DONTDUMP = 4, 14, 16
MADV_POPULATE_READ, MADV_POPULATE_WRITE = 22, 23
MADV_COLLAPSE = 25
_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_NEVER = 0x7FFF_FFFF  # bytes free at the end of a heap; a thread's has 64 MiB at most

PAGEMAP_SCAN = 0xC060_6610
_PAGE_IS_FILE, _PAGE_IS_PRESENT, _PAGE_IS_SWAPPED, _PAGE_IS_PFNZERO = 4, 8, 16, 32
_SCAN_REGIONS = 512
_COMPARED = 0x1_0000  # bytes compared at a time
_MAP_FAILED = 2**64 - 1


def _failed(call: str, what: str) -> SystemCallFailed:
    code: int = ffi.errno
    message = f"{call} failed for {what}: {os.strerror(code)}"
    return SystemCallFailed(call, code, message, hint=hint(code))


def mmap(
    address: int, size: int, protection: int, flags: int, fd: int = -1, offset: int = 0
) -> int:
    """Map memory and return its address. Raises ``SystemCallFailed``."""
    where = _lib.mmap(ffi.cast("void *", address), size, protection, flags, fd, offset)
    result = int(ffi.cast("uintptr_t", where))
    if result == _MAP_FAILED:
        raise _failed("mmap", f"{size:#x} bytes")
    return result


def munmap(address: int, size: int) -> None:
    """Unmap memory. Raises ``SystemCallFailed``."""
    if _lib.munmap(ffi.cast("void *", address), size):
        raise _failed("munmap", f"{size:#x} bytes")


def mprotect(address: int, size: int, protection: int) -> None:
    """Change the protection of pages. Raises ``SystemCallFailed``."""
    if _lib.mprotect(ffi.cast("void *", address), size, protection):
        raise _failed("mprotect", f"{size:#x} bytes")


def madvise(address: int, size: int, advice: int) -> None:
    """Advise on pages. Raises ``SystemCallFailed``."""
    if _lib.madvise(ffi.cast("void *", address), size, advice):
        raise _failed("madvise", f"{size:#x} bytes, advice {advice}")


def advise_huge(address: int, size: int) -> None:
    """Ask for huge pages; a kernel without them ignores that."""
    with contextlib.suppress(SystemCallFailed):
        madvise(address, size, MADV_HUGEPAGE)


def populate(address: int, size: int) -> None:
    """Have pages there before they are written; a kernel before 5.14 ignores that."""
    with contextlib.suppress(SystemCallFailed):
        madvise(address, size, MADV_POPULATE_WRITE)


def collapse(address: int, size: int) -> None:
    """Gather what is there into huge pages, where the kernel can (Linux 6.1); else all stays."""
    for unit in range(address, address + size, HUGE):
        with contextlib.suppress(SystemCallFailed):
            madvise(unit, HUGE, MADV_COLLAPSE)


def same(left: int, right: int, size: int) -> bool:
    """Whether two stretches of mapped memory hold equal bytes."""
    return bool(_lib.memcmp(ffi.cast("void *", left), ffi.cast("void *", right), size) == 0)


def unequal(lefts: Sequence[int], rights: Sequence[int], sizes: Iterable[int]) -> list[int]:
    """Which pairs of addresses have memory behind them that differs within so many bytes."""
    compare = ffi.cast("int (*)(uintptr_t, uintptr_t, size_t)", ffi.addressof(_lib, "memcmp"))
    return list(itertools.compress(itertools.count(), map(compare, lefts, rights, sizes)))


def zero(address: int, size: int) -> None:
    """Fill mapped memory with zeros."""
    _lib.memset(ffi.cast("void *", address), 0, size)


def view(address: int, size: int) -> memoryview:
    """Mapped memory as a writable view of bytes. It must not outlive the mapping."""
    return memoryview(ffi.buffer(ffi.cast("char *", address), size)).cast("B")


def prctl(option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """Call prctl(2). Raises ``SystemCallFailed``."""
    result = int(_lib.prctl(option, a, b, c, d))
    if result < 0:
        raise _failed("prctl", f"option {option}")
    return result


def keep_malloc_from_files(arenas: int) -> None:
    """Have glibc's malloc decide nothing by a file, which a jail forbids it to open.

    With a number of ``arenas`` it does not look for that of processors. A thread that keeps what
    it freed does not look whether it may give that back.
    """
    with contextlib.suppress(AttributeError):  # another libc
        _lib.mallopt(_M_ARENA_MAX, arenas)
        _lib.mallopt(_M_TRIM_THRESHOLD, _NEVER)


def syscall(number: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """Make a system call by its number; its result, or minus its errno."""
    result = int(_lib.syscall(number, a, b, c, d))
    return result if result >= 0 else -int(ffi.errno)


def address(data: bytes) -> int:
    """Where bytes lie: for a system call, while the caller holds them."""
    return int(ffi.cast("uintptr_t", ffi.from_buffer(data)))


def seccomp_filter(number: int, operation: int, flags: int, program: bytes) -> int:
    """Call seccomp(2), by its ``number``, with a filter program; its result, or minus its errno."""
    fprog = ffi.new("struct sock_fprog *")
    fprog.len = len(program) // 8
    fprog.filter = ffi.cast("char *", address(program))
    return syscall(number, operation, flags, int(ffi.cast("uintptr_t", fprog)))


class Reservation:
    """Address space of ``size`` bytes on a 2 MiB boundary between two guards of 2 MiB.

    All of it is inaccessible until something is mapped into it.
    """

    def __init__(self, size: int) -> None:
        self._size = size + 3 * HUGE
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        self._start = mmap(0, self._size, PROT_NONE, flags)
        self._open = True
        self.address = (self._start + 2 * HUGE - 1) // HUGE * HUGE

    def close(self) -> None:
        """Unmap all of it. Calling it again does nothing."""
        if self._open:
            self._open = False
            munmap(self._start, self._size)


def read_into(fd: int, address: int, size: int, offset: int) -> None:
    """Read exactly ``size`` bytes of a file into mapped memory. Raises ``HostError``."""
    target = view(address, size)
    while target:
        count = os.preadv(fd, [target], offset)
        if not count:
            raise HostError(f"a file ends {len(target)} bytes early", hint=hint(0))
        target = target[count:]
        offset += count


class Zeros:
    """A page of zeros to compare with."""

    def __init__(self) -> None:
        self.address = mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS)

    def close(self) -> None:
        """Unmap it."""
        munmap(self.address, PAGE)

    def skip(self, address: int, size: int) -> Iterator[tuple[int, int]]:
        """Yield the stretches (start, end: offsets) of whole pages that are not all zeros."""
        start = -1
        for offset in range(0, size, PAGE):
            if same(address + offset, self.address, PAGE):
                if start >= 0:
                    yield start, offset
                start = -1
            elif start < 0:
                start = offset
        if start >= 0:
            yield start, size


class ReadOnlyFile:
    """A file mapped for reading, to compare memory with."""

    def __init__(self, fd: int, size: int) -> None:
        self._size = size
        self._reservation = Reservation(size) if size >= HUGE else None
        if self._reservation is None:
            self.address = mmap(0, max(size, PAGE), PROT_READ, MAP_SHARED, fd)
        else:  # at a boundary where huge pages can be mapped
            self.address = self._reservation.address
            try:
                mmap(self.address, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd)
            except BaseException:
                self._reservation.close()
                raise

    def close(self) -> None:
        """Unmap it."""
        if self._reservation is None:
            munmap(self.address, max(self._size, PAGE))
        else:
            self._reservation.close()

    def gather(self, start: int, end: int) -> None:
        """Have whole 2 MiB units of the file in huge pages, for all who map it."""
        collapse(self.address + start, end - start)

    def populate(self, start: int, end: int) -> None:
        """Map pages now rather than when they are looked at."""
        with contextlib.suppress(SystemCallFailed):  # before Linux 5.14
            madvise(self.address + start, end - start, MADV_POPULATE_READ)

    def copy_differing(self, offset: int, address: int, size: int) -> int:
        """Copy those pages of the file that differ from memory; return how many bytes."""
        copied = 0
        for piece in range(0, size, _COMPARED):
            length = min(_COMPARED, size - piece)
            if same(self.address + offset + piece, address + piece, length):
                continue
            for page in range(piece, piece + length, PAGE):
                source = self.address + offset + page
                if not same(source, address + page, PAGE):
                    ffi.memmove(
                        ffi.cast("char *", address + page), ffi.cast("char *", source), PAGE
                    )
                    copied += PAGE
        return copied


def open_pagemap() -> int:
    """A descriptor for ``PageMap``. Opened after a fork: an inherited one would scan the parent."""
    return os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)


class PageMap:
    """Finds pages of this process that are its own copies: anonymous memory that was written.

    ``fd``: what ``open_pagemap`` gave, from now on this object's; None: opened here.
    """

    def __init__(self, fd: int | None = None) -> None:
        self._fd = open_pagemap() if fd is None else fd
        self._regions = ffi.new("struct page_region[]", _SCAN_REGIONS)
        self._scan = True

    def close(self) -> None:
        """Close the descriptor. Calling it again does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def private(self, address: int, size: int) -> list[tuple[int, int]]:
        """Return the (start, end) addresses of runs of private pages in a range."""
        if self._scan:
            try:
                return self._by_scan(address, address + size)
            except SystemCallFailed as error:
                if error.errno not in (errno.ENOTTY, errno.EINVAL):
                    raise
                self._scan = False  # before Linux 6.7
        return self._by_read(address, size)

    def _by_scan(self, start: int, end: int) -> list[tuple[int, int]]:
        runs: list[tuple[int, int]] = []
        arg = ffi.new("struct pm_scan_arg *")
        arg.size = ffi.sizeof("struct pm_scan_arg")
        arg.end = end
        arg.vec = int(ffi.cast("uintptr_t", self._regions))
        arg.vec_len = _SCAN_REGIONS
        arg.category_inverted = _PAGE_IS_FILE | _PAGE_IS_PFNZERO
        arg.category_mask = _PAGE_IS_FILE | _PAGE_IS_PFNZERO
        arg.category_anyof_mask = _PAGE_IS_PRESENT | _PAGE_IS_SWAPPED
        arg.return_mask = _PAGE_IS_PRESENT
        while start < end:
            arg.start = start
            found = _lib.ioctl(self._fd, PAGEMAP_SCAN, int(ffi.cast("uintptr_t", arg)))
            if found < 0:
                raise _failed("ioctl(PAGEMAP_SCAN)", f"{end - start:#x} bytes")
            runs += [(int(r.start), int(r.end)) for r in self._regions[0:found]]
            start = int(arg.walk_end)
        return runs

    def _by_read(self, address: int, size: int) -> list[tuple[int, int]]:
        present, swapped, file = 1 << 63, 1 << 62, 1 << 61
        page = 4096
        entries = memoryview(os.pread(self._fd, size // page * 8, address // page * 8)).cast("Q")
        runs: list[tuple[int, int]] = []
        for index, entry in enumerate(entries):
            if entry & (present | swapped) and not entry & file:
                start = address + index * page
                if runs and runs[-1][1] == start:
                    runs[-1] = (runs[-1][0], start + page)
                else:
                    runs.append((start, start + page))
        return runs
