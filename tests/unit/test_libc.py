"""Host memory: guards, comparisons, and finding the pages that were written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hypercell.vmm import libc, memfd
from hypercell.vmm.abi import HUGE, PAGE
from hypercell.vmm.errors import HostError, SystemCallFailed

PAGES = 64
ANONYMOUS = libc.MAP_PRIVATE | libc.MAP_ANONYMOUS
READ_WRITE = libc.PROT_READ | libc.PROT_WRITE


@pytest.fixture
def memory() -> Iterator[int]:
    address = libc.mmap(0, PAGES * PAGE, READ_WRITE, ANONYMOUS)
    yield address
    libc.munmap(address, PAGES * PAGE)


def test_a_reservation_is_aligned_and_closes_twice() -> None:
    reservation = libc.Reservation(5 * PAGE)
    assert reservation.address % HUGE == 0
    reservation.close()
    reservation.close()


@pytest.mark.parametrize("where", [-1, 0, 5 * PAGE])
def test_what_is_reserved_is_inaccessible(where: int) -> None:
    code = (
        "from hypercell.vmm import libc\n"
        f"place = libc.Reservation({5 * PAGE}).address + {where}\n"
        "print(flush=True)\n"
        "libc.view(place, 1)[0]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGSEGV, b"\n")


def test_a_failed_call_says_which_and_why() -> None:
    with pytest.raises(SystemCallFailed, match="mmap failed") as caught:
        libc.mmap(0, 0, READ_WRITE, ANONYMOUS)
    assert (caught.value.call, caught.value.errno) == ("mmap", 22)


@pytest.mark.parametrize("scan", [True, False])
def test_written_pages_are_found_either_way(memory: int, scan: bool) -> None:
    view = libc.view(memory, PAGES * PAGE)
    for page in (0, 3, 4, 5, 63):
        view[page * PAGE] = 1
    view[7 * PAGE]  # read only: no page of its own
    view.release()
    pages = libc.PageMap()
    pages._scan = scan
    runs = [
        ((start - memory) // PAGE, (end - memory) // PAGE)
        for start, end in pages.private(memory, PAGES * PAGE)
    ]
    pages.close()
    pages.close()
    if scan:
        assert runs == [(0, 1), (3, 6), (63, 64)]
    else:  # it cannot tell the zero page
        assert {page for start, end in runs for page in range(start, end)} >= {0, 3, 4, 5, 63}
        assert len(runs) <= 4


@pytest.mark.parametrize("scan", [True, False])
def test_pages_of_a_private_file_mapping_count_once_written(scan: bool) -> None:
    fd = memfd.of_bytes(b"x" * PAGE * 8, "test")
    address = libc.mmap(0, 8 * PAGE, READ_WRITE, libc.MAP_PRIVATE, fd)
    view = libc.view(address, 8 * PAGE)
    assert sum(view[::PAGE]) == 8 * ord("x")
    view[2 * PAGE] = 0
    view.release()
    pages = libc.PageMap()
    pages._scan = scan
    assert pages.private(address, 8 * PAGE) == [(address + 2 * PAGE, address + 3 * PAGE)]
    pages.close()
    libc.munmap(address, 8 * PAGE)
    os.close(fd)


def test_more_runs_than_one_scan_returns() -> None:
    count = 1500
    address = libc.mmap(0, 2 * count * PAGE, READ_WRITE, ANONYMOUS)
    view = libc.view(address, 2 * count * PAGE)
    for page in range(count):
        view[2 * page * PAGE] = 1
    view.release()
    pages = libc.PageMap()
    runs = pages.private(address, 2 * count * PAGE)
    assert runs == [(address + 2 * i * PAGE, address + (2 * i + 1) * PAGE) for i in range(count)]
    pages.close()
    libc.munmap(address, 2 * count * PAGE)


def test_stretches_of_zeros_are_skipped(memory: int) -> None:
    view = libc.view(memory, PAGES * PAGE)
    view[PAGE + 5] = view[2 * PAGE] = view[PAGES * PAGE - 1] = 1
    view.release()
    zeros = libc.Zeros()
    found = list(zeros.skip(memory, PAGES * PAGE))
    zeros.close()
    assert found == [(PAGE, 3 * PAGE), ((PAGES - 1) * PAGE, PAGES * PAGE)]


def test_only_differing_pages_are_copied(memory: int) -> None:
    data = os.urandom(PAGES * PAGE)
    fd = memfd.of_bytes(data, "test")
    libc.read_into(fd, memory, PAGES * PAGE, 0)
    libc.zero(memory + 20 * PAGE, PAGE)
    libc.view(memory, PAGES * PAGE)[40 * PAGE] ^= 1
    reference = libc.ReadOnlyFile(fd, PAGES * PAGE)
    assert reference.copy_differing(0, memory, PAGES * PAGE) == 2 * PAGE
    assert reference.copy_differing(0, memory, PAGES * PAGE) == 0
    reference.close()
    assert bytes(libc.view(memory, PAGES * PAGE)) == data
    os.close(fd)


def test_a_file_that_ends_early_is_an_error(memory: int) -> None:
    fd = memfd.of_bytes(b"short", "test")
    with pytest.raises(HostError, match="ends 5 bytes early"):
        libc.read_into(fd, memory, 10, 0)
    os.close(fd)
