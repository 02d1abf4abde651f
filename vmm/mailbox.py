"""The mailbox: one page through which guest and host exchange numbers.

The vCPU stands still while the host reads; each field is still read once and never again.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from hypercell.vmm import abi
from hypercell.vmm.errors import InvokeError

_CALL = struct.Struct("<7Q")
_U64 = struct.Struct("<Q")
_CLOCK = struct.Struct("<4Q")


class Hypercall(NamedTuple):
    """What the guest asks for; every number is hostile."""

    op: int
    args: tuple[int, ...]


class Clock(NamedTuple):
    """The guest's time base: see ``MB_TSC_BASE`` and its neighbours."""

    tsc: int
    ns_per_tick: int  # 32.32 fixed point
    realtime: int
    monotonic: int


class Mailbox:
    """Reads and writes the fields of the mailbox page in ``shared``."""

    def __init__(self, shared: memoryview) -> None:
        self._page = shared
        struct.pack_into("<II", shared, abi.MAILBOX + abi.MB_MAGIC, abi.ABI_MAGIC, abi.ABI_VERSION)

    def read_call(self) -> Hypercall:
        """Take the operation and its arguments, once."""
        op, *args = _CALL.unpack_from(self._page, abi.MAILBOX + abi.MB_OP)
        return Hypercall(op, tuple(args))

    def _put(self, field: int, value: int) -> None:
        _U64.pack_into(self._page, abi.MAILBOX + field, value)

    def answer(self, result: int) -> None:
        """Write the first result."""
        self._put(abi.MB_RESULT, result)

    def write_batch(self, batch: bytes) -> None:
        """Write a batch of commands. Raises ``InvokeError`` when it does not fit its area."""
        if len(batch) > abi.COMMAND_AREA_SIZE:
            raise InvokeError(
                f"a batch of {len(batch)} bytes is over {abi.COMMAND_AREA_SIZE}",
                hint="send less at once",
            )
        self._page[abi.COMMAND_AREA : abi.COMMAND_AREA + len(batch)] = batch
        self._put(abi.MB_BATCH_LEN, len(batch))

    def read_reply(self, length: int) -> bytes:
        """Copy ``length`` checked bytes of the reply area."""
        return bytes(self._page[abi.REPLY_AREA : abi.REPLY_AREA + length])

    def write_stdin(self, data: bytes) -> None:
        """Write input, at most ``STDIN_AREA_SIZE`` bytes, and its length as the result."""
        self._page[abi.STDIN_AREA : abi.STDIN_AREA + len(data)] = data
        self.answer(len(data))

    def write_clock(self, clock: Clock) -> None:
        """Write the time base."""
        _CLOCK.pack_into(self._page, abi.MAILBOX + abi.MB_TSC_BASE, *clock)

    def write_seed(self, seed: bytes, generation: int, flags: int) -> None:
        """Write 32 random bytes, the generation that makes the guest reseed, and the flags."""
        start = abi.MAILBOX + abi.MB_SEED
        self._page[start : start + 32] = seed
        self._put(abi.MB_GENERATION, generation)
        self._put(abi.MB_FLAGS, flags)
