"""What a worker does for its guest while a job runs: output, input, time, and being cancelled."""

from __future__ import annotations

import select
import time

from hypercell.vmm import channel as channels
from hypercell.vmm.channel import Channel
from hypercell.vmm.errors import (
    Interrupted,
    OutputLimitExceeded,
    ProtocolViolation,
    TimedOut,
)
from hypercell.vmm.messages import Cancel, Job, Output, StdinData, StdinWanted, ToWorker

_FLUSH = 0x4_0000  # bytes of output that are sent at once
_FLUSH_CHUNKS = 1024


class JobHost:
    """The ``Host`` of one job. ``written``: bytes of output so far.

    ``silent``: a warm-up, whose output nobody wants.
    """

    def __init__(self, channel: Channel[ToWorker], job: Job, *, silent: bool = False) -> None:
        self.written = 0
        self._channel = channel
        self._limits = job.limits
        self._interactive = job.interactive
        self._silent = silent
        self._deadline = time.monotonic() + job.limits.wall
        self._chunks: list[tuple[int, bytes]] = []
        self._held = 0

    def output(self, stream: int, data: bytes) -> None:
        """Take output up to the limit; over it the job ends."""
        if self._silent:
            return
        room = self._limits.output - self.written
        piece = data[:room]
        if piece:
            self.written += len(piece)
            self._held += len(piece)
            self._chunks.append((stream, piece))
        if len(data) > room:
            raise self._ended(
                OutputLimitExceeded(
                    f"the program wrote more than {_size(self._limits.output)}",
                    hint="print less, or raise the output limit",
                )
            )
        if self._held >= _FLUSH or len(self._chunks) >= _FLUSH_CHUNKS:
            self.flush()

    def flush(self) -> None:
        """Send what output there is."""
        if self._chunks:
            self._channel.send(Output(self.take()))

    def take(self) -> tuple[tuple[int, bytes], ...]:
        """Return the output that was not sent; it counts as sent."""
        chunks, self._chunks, self._held = tuple(self._chunks), [], 0
        return chunks

    def tick(self) -> None:
        """Send output, look at the clock, and listen."""
        self.flush()
        if time.monotonic() >= self._deadline:
            raise TimedOut(
                f"the program ran longer than {self._limits.wall:g} s",
                hint="raise the time limit, or do less",
            )
        if self._channel.pending():
            self._hear()

    def stdin(self, limit: int) -> bytes:
        """Ask the kernel process for input. The clock stands still meanwhile."""
        if not self._interactive:
            return b""
        self.flush()
        asked = time.monotonic()
        self._channel.send(StdinWanted(limit))
        data = self._hear(input_wanted=True)
        if len(data) > limit:
            raise ProtocolViolation(f"{len(data)} bytes of input for a request of {limit}")
        self._deadline += time.monotonic() - asked
        return data

    def sleep(self, nanoseconds: int) -> None:
        """Sleep, but wake up when something arrives."""
        self.flush()
        left = max(0.0, min(nanoseconds / 1e9, self._deadline - time.monotonic()))
        if select.select([self._channel], [], [], left)[0] or not left:
            self.tick()

    def _hear(self, *, input_wanted: bool = False) -> bytes:
        """Receive: a cancel ends the job, input is returned."""
        message, descriptors = self._channel.receive()
        channels.close_all(descriptors)
        if isinstance(message, Cancel):
            raise self._ended(Interrupted("the program was interrupted"))
        if isinstance(message, StdinData) and input_wanted:
            return message.data
        raise ProtocolViolation(f"a {type(message).__name__} message in the middle of a job")

    def _ended(self, error: Interrupted | OutputLimitExceeded) -> Exception:
        self.flush()
        return error


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count} bytes"
