"""Arenas: the guest's growable memories, and the pool of 2 MiB blocks behind them.

Arena 0 extends the native heap, the others are linear memories and GC heaps. They only grow.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

import msgspec

from hypercell.vmm import abi, libc
from hypercell.vmm.errors import HostError, ProtocolViolation, SystemCallFailed
from hypercell.vmm.guest_memory import GuestMemory
from hypercell.vmm.page_tables import LARGE, READ_WRITE, PageTables


class ArenaRecords(msgspec.Struct, frozen=True):
    """What the host knows of the arenas; part of a snapshot."""

    committed: tuple[int, ...] = (0,) * abi.ARENA_COUNT  # bytes
    blocks: dict[int, int] = {}  # arena * 2048 + 2 MiB unit -> block of the pool
    next_block: int = 0


# So much of a grow by whole huge pages is made at once: KVM then maps 2 MiB at a fault, else 4 KiB.
_AHEAD = 0x200_0000
UNITS = abi.ARENA_LIMIT // abi.HUGE  # stretches of 2 MiB that an arena has at most
_UNIT_PAGES = abi.HUGE // abi.PAGE
_NO_PAGE = abi.ARENA_LIMIT // abi.PAGE


def _address(arena: int, offset: int) -> int:
    return abi.ARENA_BASE + arena * abi.ARENA_STRIDE + offset


def _block_gpa(block: int) -> int:
    return abi.POOL_BASE + block * abi.HUGE


class Arenas:
    """Grows arenas within ``limit`` bytes over all of them."""

    def __init__(
        self, memory: GuestMemory, tables: PageTables, records: ArenaRecords, limit: int
    ) -> None:
        self._memory = memory
        self._tables = tables
        self._committed = list(records.committed)
        self._blocks = dict(records.blocks)
        self._next_block = records.next_block
        self.limit = limit
        self._owners: dict[int, int] = {}  # _blocks the other way round, made when wanted
        self.refused = 0
        self.small_pages = False  # True: 4 KiB entries only, which `trim` can take back
        memory.extend_pool(_block_gpa(self._next_block))

    def records(self) -> ArenaRecords:
        """Return a copy of the books."""
        return ArenaRecords(tuple(self._committed), dict(self._blocks), self._next_block)

    @property
    def committed(self) -> int:
        """Bytes over all arenas."""
        return sum(self._committed)

    def grow(self, arena: int, old: int, new: int, *, ahead: int = _AHEAD) -> bool:
        """Serve ``HC_GROW``: False means refused. Raises ``ProtocolViolation`` on a lie.

        ``ahead``: so many bytes of whole huge pages are there before they are used.
        """
        if arena >= abi.ARENA_COUNT:
            raise ProtocolViolation(f"the guest grows arena {arena} of {abi.ARENA_COUNT}")
        if old != self._committed[arena]:
            raise ProtocolViolation(
                f"the guest grows arena {arena} from {old:#x}, but it has "
                f"{self._committed[arena]:#x} bytes"
            )
        if new % abi.PAGE or not old <= new <= abi.ARENA_LIMIT:
            raise ProtocolViolation(f"the guest grows arena {arena} from {old:#x} to {new:#x}")
        if not self._can_grow(arena, old, new):
            self.refused += 1
            return False
        for unit in range(old // abi.HUGE, -(-new // abi.HUGE)):
            start, end = max(old, unit * abi.HUGE), min(new, (unit + 1) * abi.HUGE)
            self._commit(arena, unit, start, end, ahead=start - old < ahead)
        self._committed[arena] = new
        return True

    def _can_grow(self, arena: int, old: int, new: int) -> bool:
        if self.committed + new - old > self.limit:
            return False
        units = range(old // abi.HUGE, -(-new // abi.HUGE))
        if self._tables.free_tables < len(units) + 5:  # a table a unit, a directory a GiB
            return False
        fresh = sum(arena * UNITS + unit not in self._blocks for unit in units)
        try:
            self._memory.extend_pool(_block_gpa(self._next_block + fresh))
        except SystemCallFailed as error:
            if error.errno == errno.ENOMEM:
                return False
            raise
        return True

    def _commit(self, arena: int, unit: int, start: int, end: int, *, ahead: bool) -> None:
        block = self._blocks.get(arena * UNITS + unit)
        if block is None:
            block = self._blocks[arena * UNITS + unit] = self._next_block
            self._next_block += 1
            if unit or end - start == abi.HUGE:  # a memory that is already large
                libc.advise_huge(self._memory.host_address(_block_gpa(block), abi.HUGE), abi.HUGE)
        gpa = _block_gpa(block) + start % abi.HUGE
        large = not self.small_pages
        if ahead and large and end - start == abi.HUGE:
            libc.populate(self._memory.host_address(gpa, abi.HUGE), abi.HUGE)
        self._tables.map(_address(arena, start), gpa, end - start, READ_WRITE, large=large)

    @property
    def sizes(self) -> list[int]:
        """Bytes of each arena."""
        return list(self._committed)

    def adopt(self, committed: Sequence[int]) -> None:
        """Grow arenas to what a session's are, whatever the limit. Raises ``HostError``."""
        limit, self.limit = self.limit, sum(committed)
        for arena, size in enumerate(committed):
            old = self._committed[arena]
            if size != old and not self.grow(arena, old, size, ahead=0):
                raise HostError(
                    f"no room for the memory of the session: {size:#x} bytes of arena {arena}",
                    hint="free memory; or %undo",
                )
        self.limit = limit

    def gpa(self, number: int) -> int | None:
        """Where a unit of 2 MiB lies, in guest-physical memory; by its number in ``delta``: those
        of RAM come first, then ``UNITS`` of each arena. None: this VM does not have it.
        """
        if number < UNITS:
            return number * abi.HUGE if number < abi.RAM_SIZE // abi.HUGE else None
        block = self._blocks.get(number - UNITS)
        return None if block is None else _block_gpa(block)

    def number(self, gpa: int) -> int | None:
        """The number of the unit of 2 MiB at an address; None: of the pool, but of no arena."""
        if gpa < abi.RAM_SIZE:
            return gpa // abi.HUGE
        owner = self.owner(gpa)
        return owner and UNITS * (owner[0] + 1) + owner[1] // _UNIT_PAGES

    def owner(self, gpa: int) -> tuple[int, int] | None:
        """Which page (arena, number) lies at an address of the pool."""
        if len(self._owners) != len(self._blocks):
            self._owners = {block: key for key, block in self._blocks.items()}
        block, within = divmod(gpa - abi.POOL_BASE, abi.HUGE)
        key = self._owners.get(block)
        if key is None:
            return None
        arena, unit = divmod(key, UNITS)
        return arena, unit * _UNIT_PAGES + within // abi.PAGE

    def address(self, gpa: int) -> int | None:
        """Where the guest sees a page of RAM or of an arena; None: of the pool, but of no arena."""
        if gpa < abi.RAM_SIZE:
            return gpa
        arena, page = self.owner(gpa) or (0, _NO_PAGE)
        if page * abi.PAGE >= self._committed[arena]:
            return None
        return _address(arena, page * abi.PAGE)

    def expect_writes(self, gpa: int) -> None:
        """As ``PageTables.expect_writes``, for a unit of 2 MiB of RAM or of the pool."""
        if (gva := self.address(gpa)) is not None:
            self._tables.expect_writes(gva)

    def written(self, gpa: int) -> bool:
        """Whether the guest may have written to a unit of 2 MiB since."""
        gva = self.address(gpa)
        return gva is None or self._tables.written(gva)

    def promote(self, fd: int) -> None:
        """In a snapshot file, replace full tables of 4 KiB entries by one 2 MiB entry each.

        Only there: no VM has seen the tables of the file yet.
        """
        for key, block in self._blocks.items():
            arena, unit = divmod(key, UNITS)
            if (unit + 1) * abi.HUGE <= self._committed[arena]:
                slot = self._tables.directory_entry(_address(arena, unit * abi.HUGE))
                entry = _block_gpa(block) | READ_WRITE | LARGE
                os.pwrite(fd, entry.to_bytes(8, "little"), slot)

    def trim(self, records: ArenaRecords) -> None:
        """Take back what was committed since ``records``, all of it with ``small_pages``.

        The pages are dropped from host memory, which also makes KVM forget them; the blocks stay
        assigned and the tables linked, so that no entry that KVM may hold ever changes its meaning.
        """
        for arena, (now, then) in enumerate(zip(self._committed, records.committed, strict=True)):
            for unit in range(then // abi.HUGE, -(-now // abi.HUGE)):
                start, end = max(then, unit * abi.HUGE), min(now, (unit + 1) * abi.HUGE)
                gpa = _block_gpa(self._blocks[arena * UNITS + unit]) + start % abi.HUGE
                self._tables.clear(_address(arena, start), end - start)
                address = self._memory.host_address(gpa, end - start)
                libc.madvise(address, end - start, libc.MADV_DONTNEED)
            if now < then:
                raise HostError(f"arena {arena} shrank from {then:#x} to {now:#x}")
            self._committed[arena] = then
        self.refused = 0
