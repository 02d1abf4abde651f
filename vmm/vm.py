"""A VM as the kernel process sees it: a channel to the worker that drives it.

The worker is treated as taken over by its guest: every message is checked against what may come
now, sizes and counts are bounded here once more, and time is kept here too.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence

from hypercell.vmm import channel as channels
from hypercell.vmm import deferral, memfd
from hypercell.vmm.abi import STDERR, STDIN_AREA_SIZE, STDOUT, STREAM_DISPLAY
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.code_cache import Code
from hypercell.vmm.commands import Command, Export, Ok, Reply
from hypercell.vmm.errors import (
    Closed,
    HypercellError,
    Interrupted,
    ProtocolViolation,
    TimedOut,
    WorkerLost,
)
from hypercell.vmm.exports import HOME, Exports
from hypercell.vmm.fork_client import Child
from hypercell.vmm.layer import Layer
from hypercell.vmm.messages import (
    Cancel,
    Done,
    Job,
    Keep,
    Kept,
    Output,
    Parked,
    Raised,
    Snapped,
    StdinData,
    StdinWanted,
    WireReply,
    pack_commands,
    unpack_error,
    unpack_reply,
)
from hypercell.vmm.outcome import Usage
from hypercell.vmm.program import Limits
from hypercell.vmm.server_process import DEBUG
from hypercell.vmm.session_memory import SessionMemory

CANCEL_GRACE = 0.5  # seconds that a worker has to answer a cancel
WALL_GRACE = 1.0  # seconds over the wall limit until the worker is killed

OnOutput = Callable[[int, bytes], None]
OnStdin = Callable[[int], Awaitable[bytes]]
Gone = asyncio.Future[None]
Incoming = Parked | Output | StdinWanted | Done | Kept | Snapped | Raised


class Vm:
    """One VM for one cell. ``acquire`` of the hypervisor makes it; ``close`` it in any case.

    ``usage``: what the last run used. ``memory``: its session's; ``gone``: done once the VM is
    closed and its process has ended.
    """

    def __init__(
        self,
        child: Child,
        channel: AsyncChannel[Incoming],
        suspended: Sequence[Command],
        on_close: Callable[[Gone | None], None],
        memory: SessionMemory | None = None,
    ) -> None:
        self.usage = Usage()
        self.memory = memory
        self.gone: Gone | None = None
        self._child = child
        self._channel = channel
        self._suspended = suspended
        self._on_close = on_close
        self._limits = Limits()
        self._closed = False
        self._running = False
        self._cancelled = asyncio.Event()
        self._overdue = False
        self._timer: asyncio.TimerHandle | None = None
        self._written = 0
        self._exports = Exports()

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._child.pid

    async def run(
        self,
        commands: Sequence[Command],
        *,
        code: Sequence[Code] = (),
        layers: Sequence[Layer] = (),
        limits: Limits | None = None,
        on_output: OnOutput | None = None,
        on_stdin: OnStdin | None = None,
        keep: bool = False,
        hurry: bool = False,
        passing: int = 0,
    ) -> list[Reply]:
        """Run commands until one fails; a trap, an exit or a refusal is a reply.

        There is a reply to each command, or to those up to the first that is not ``Ok``.
        May be called again. Indices in the commands mean ``code`` and ``layers`` of this call.
        ``limits`` (the last given ones else) are for this call. Output is bytes as they come, in
        order: ``on_output(stream, data)``. ``on_stdin(limit)`` returns input, empty at its end;
        without it the program sees the end at once.

        Where the VM stands at a deferred file, the leading commands on files answer it; the reply
        of the program that waits there comes first, then those of the other commands.

        ``keep``: of the first run, if a snapshot may follow; else its worker can make no file.
        ``hurry``: get it ready while the reply is on its way, which makes that slower.
        ``passing``: so many layers, the last ones, are no part of what is kept afterwards.
        Raises ``TimedOut``, ``Interrupted``, ``OutputLimitExceeded``, ``GuestError``,
        ``WorkerLost``, ``Closed``; the VM is then closed.
        """
        self._limits = limits or self._limits
        interactive = on_stdin is not None
        job = self._job(
            commands, code, layers, interactive=interactive, keep=keep, hurry=hurry, passing=passing
        )
        message, descriptors = await self._serve(job, code, layers, on_output, on_stdin)
        channels.close_all(descriptors)
        if not isinstance(message, Done):
            self.close()
            raise ProtocolViolation("a worker sent a snapshot that was not asked for")
        self.usage = message.usage
        answered = commands
        if self._suspended:
            answered = [*self._suspended, *deferral.split(commands)[1]]
            self._suspended = ()
        try:
            replies = _checked_replies(message.replies, len(answered))
            self._exports.collect(answered, replies, self._limits)
        except HypercellError:
            self.close()
            raise
        return replies

    async def snapshot(
        self,
        commands: Sequence[Command],
        *,
        code: Sequence[Code] = (),
        layers: Sequence[Layer] = (),
        limits: Limits | None = None,
        until_deferred: bool = False,
        on_output: OnOutput | None = None,
    ) -> tuple[int, bytes, list[Reply]]:
        """Run commands in a fresh VM, then take a snapshot: (sealed descriptor, state, replies)."""
        self._limits = limits or self._limits
        job = self._job(commands, code, layers, snapshot=True, until_deferred=until_deferred)
        message, descriptors = await self._serve(job, code, layers, on_output, None)
        return self._checked_snapshot(message, descriptors)

    async def keep(self) -> tuple[Kept, int, int]:
        """What the last run, made with ``keep``, left in memory: as it came from the worker, its
        descriptor, and how many bytes of memory the run was allowed beyond what was there.
        """
        self._check_idle()
        message, descriptors = await self._serve(Keep(), (), (), None, None)
        if not isinstance(message, Kept) or len(descriptors) != 1:
            channels.close_all(descriptors)
            self.close()
            raise ProtocolViolation("a worker sent no state of its session")
        return message, descriptors[0], self._limits.memory

    async def cancel(self) -> None:
        """End the run that is going on: it raises ``Interrupted`` soon, whatever the guest does."""
        if self._running and not self._cancelled.is_set():
            self._cancelled.set()
            asyncio.get_running_loop().call_later(CANCEL_GRACE, self._kill_if_running)
            with contextlib.suppress(HypercellError):  # then it is killed
                await self._channel.send(Cancel())

    async def export_home(self) -> bytes | None:
        """The tar of what changed under ``/home``, or None if nothing did."""
        return await self.export(HOME)

    async def export(self, path: str) -> bytes | None:
        """The tar of what changed under the mount at ``path``, or None if nothing did.

        Pieces that ``Export`` commands brought in earlier runs come first. Raises
        ``HomeLimitExceeded`` if it is over the limits of its kind of mount.
        """
        while (tar := self._exports.take(path)) is None:
            if not isinstance((await self.run([Export(path)]))[-1], Ok):
                raise ProtocolViolation(f"the guest refuses to export {path}")
        return tar or None

    def close(self) -> None:
        """Kill the worker: that frees all of it. Calling it again does nothing."""
        if not self._closed:
            self._closed = True
            self._child.kill()
            if self.memory is not None:
                self.gone = self._child.watch()
            self._child.forget()
            self._channel.close()
            self._disarm()
            self._on_close(self.gone)

    async def __aenter__(self) -> Vm:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # --- one job ------------------------------------------------------------------------------

    def _job(
        self,
        commands: Sequence[Command],
        code: Sequence[Code],
        layers: Sequence[Layer],
        *,
        interactive: bool = False,
        snapshot: bool = False,
        until_deferred: bool = False,
        keep: bool = False,
        hurry: bool = False,
        passing: int = 0,
    ) -> Job:
        self._check_idle()
        return Job(
            pack_commands(commands),
            tuple(item.size for item in code),
            tuple(item.size for item in layers),
            self._limits,
            interactive,
            snapshot,
            until_deferred,
            keep,
            hurry,
            passing,
        )

    def _check_idle(self) -> None:
        if self._closed:
            raise Closed("the VM is closed")
        if self._running:
            raise Closed("the VM is running already")

    async def _serve(
        self,
        job: Job | Keep,
        code: Sequence[Code],
        layers: Sequence[Layer],
        on_output: OnOutput | None,
        on_stdin: OnStdin | None,
    ) -> tuple[Done | Kept | Snapped, list[int]]:
        """Send a job and attend to the worker until it is done. Any error closes the VM."""
        self._running = True
        self._written = 0
        self._arm(self._limits.wall + WALL_GRACE)
        try:
            files = [item.fd for item in code] + [item.fd for item in layers]
            await self._channel.send(job, files)
            while True:
                message, descriptors = await self._channel.receive()
                if isinstance(message, Done):
                    try:
                        self._take_output(message.output, on_output)
                    except BaseException:
                        channels.close_all(descriptors)
                        raise
                if isinstance(message, Done | Kept | Snapped):
                    return message, descriptors
                channels.close_all(descriptors)
                if isinstance(message, Output) and message.chunks:
                    self._take_output(message.chunks, on_output)
                elif isinstance(message, StdinWanted) and on_stdin is not None:
                    await self._provide_input(message.limit, on_stdin)
                elif isinstance(message, Raised):
                    raise unpack_error(message)
                else:
                    name = type(message).__name__
                    raise ProtocolViolation(f"a worker sent {name} in the middle of a job")
        except WorkerLost:
            error = await self._why_lost()
            self.close()
            raise error from None
        except BaseException:
            self.close()
            raise
        finally:
            self._running = False
            self._cancelled.clear()
            self._disarm()

    def _take_output(self, chunks: Sequence[tuple[int, bytes]], on_output: OnOutput | None) -> None:
        for stream, data in chunks:
            self._written += len(data)
            known = stream in (STDOUT, STDERR, STREAM_DISPLAY) and data
            if not known or self._written > self._limits.output:
                raise ProtocolViolation("a worker sent output that is over the limit or nobody's")
            if on_output is not None:
                on_output(stream, data)

    async def _provide_input(self, limit: int, on_stdin: OnStdin) -> None:
        """Get input; the clock stands still, and a cancel ends the waiting."""
        if not 0 < limit <= STDIN_AREA_SIZE:
            raise ProtocolViolation(f"a worker wants {limit} bytes of input")
        loop = asyncio.get_running_loop()
        left = self._timer.when() - loop.time() if self._timer is not None else WALL_GRACE
        self._disarm()
        reading = asyncio.ensure_future(on_stdin(limit))
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        try:
            await asyncio.wait(
                (reading, cancelled, self._child.ended), return_when=asyncio.FIRST_COMPLETED
            )
            if not reading.done():
                return  # the worker has the cancel and reports it, or is gone
            await self._channel.send(StdinData(reading.result()[:limit]))
        finally:
            reading.cancel()
            cancelled.cancel()
            self._arm(left)

    # --- time and ends ------------------------------------------------------------------------

    def _arm(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), self._too_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._overdue = True
        self._child.kill()

    def _kill_if_running(self) -> None:
        if self._running and self._cancelled.is_set():
            self._child.kill()

    async def _why_lost(self) -> HypercellError:
        if self._cancelled.is_set():
            return Interrupted("the program was interrupted")
        if self._overdue:
            return TimedOut(f"the program ran longer than {self._limits.wall:g} s")
        if self._closed:
            return Closed("the VM was closed while it ran")
        status = await self._child.wait()
        if status == -signal.SIGSYS:
            return WorkerLost(
                "the process that ran the program made a system call that is not on its list: "
                "seccomp killed it (SIGSYS)",
                hint="the program may have attacked its VM; nothing of it is left",
            )
        if status < 0:
            return WorkerLost(
                f"the process that ran the program died (signal {-status})",
                hint="killed from outside, perhaps for want of memory: run the cell again",
            )
        return WorkerLost(
            f"the process that ran the program ended unexpectedly (status {status})",
            hint=f"a defect of Hypercell: {DEBUG}=1 in the environment shows more on stderr",
        )

    def _checked_snapshot(
        self, message: Done | Kept | Snapped, descriptors: list[int]
    ) -> tuple[int, bytes, list[Reply]]:
        try:
            if (
                not isinstance(message, Snapped)
                or len(descriptors) != 1
                or not memfd.is_sealed(descriptors[0])
            ):
                raise ProtocolViolation("a worker sent no sealed snapshot")
            replies = [unpack_reply(reply) for reply in message.replies]
        except ProtocolViolation:
            channels.close_all(descriptors)
            self.close()
            raise
        return descriptors[0], message.state, replies


def _checked_replies(packed: Sequence[WireReply], count: int) -> list[Reply]:
    """The replies to so many commands. ProtocolViolation unless each is ``Ok`` but the last one,
    and that one too if there are fewer than commands."""
    replies = [unpack_reply(reply) for reply in packed]
    good = sum(isinstance(reply, Ok) for reply in replies)
    ended = good == len(replies) - 1 and not isinstance(replies[-1], Ok)
    if len(replies) > count or not (ended or good == len(replies) == count):
        raise ProtocolViolation(f"{len(replies)} replies to {count} commands, {good} of them good")
    return replies
