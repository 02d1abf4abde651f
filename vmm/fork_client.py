"""The kernel process's side of a fork server: start it, ask for children, learn of their ends.

A server that dies is started again by the next request; its children died with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Collection, Sequence

from hypercell.vmm import channel, isolation, linux, server_process
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.errors import Closed, HostError, HypercellError, WorkerLost
from hypercell.vmm.host_calls import KILLED, hint
from hypercell.vmm.messages import (
    Ended,
    Fork,
    Forked,
    FromServer,
    Held,
    Ready,
    Release,
    unpack_error,
)

_START_SECONDS = 30.0
_END_SECONDS = 5.0

Reports = Ready | Forked | Ended


class Child:
    """A forked child. ``ended`` has its exit status (negative: a signal) when it is gone."""

    def __init__(self, pid: int, pidfd: int, sock: socket.socket) -> None:
        self.pid = pid
        self.sock = sock
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pidfd = pidfd

    def kill(self) -> None:
        """SIGKILL. By pidfd, so that it can never hit another process."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                linux.pidfd_kill(self._pidfd)

    async def wait(self) -> int:
        """Wait for its end; the exit status. Does not wait longer than a dying process takes."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.ended), _END_SECONDS)
        except TimeoutError:
            return 0

    def discard(self) -> None:
        """Kill it and let go of it. Calling it again does nothing."""
        self.kill()
        self.forget()
        self.sock.close()

    def watch(self) -> asyncio.Future[None]:
        """Done when the process has ended, whatever the server says. Takes the pidfd."""
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        pidfd, self._pidfd = self._pidfd, -1
        if pidfd < 0:
            gone.set_exception(Closed("nobody knows when a process that was let go of ends"))
            return gone

        def ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            if not gone.done():
                gone.set_result(None)

        loop.add_reader(pidfd, ended)
        return gone

    def forget(self) -> None:
        """Close the pidfd. Calling it again does nothing."""
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


class ForkServer:
    """Keeps one server process (``module``) running.

    ``may_miss``: layers of the jail (``isolation.LAYERS``) that it may lack; without them it is
    not used. ``missing``: those that it lacks, and why.
    """

    def __init__(self, module: str, may_miss: Collection[str] = ()) -> None:
        self.missing: dict[str, str] = {}
        self._module = module
        self._may_miss = may_miss
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: AsyncChannel[Reports] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._number = 0
        self._forking: dict[int, tuple[asyncio.Future[Child], socket.socket]] = {}
        self._children: dict[int, Child] = {}
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def children(self) -> list[int]:
        """Process ids of the children that have not been reaped."""
        return [child.pid for child in self._children.values()]

    async def start(self) -> None:
        """Start the server, if it does not run. Raises ``HostError``."""
        async with self._starting:
            if self._closed:
                raise Closed("the hypervisor is closed")
            if self._reader is not None and not self._reader.done():
                return
            await self._end()
            await self._launch()

    async def fork(
        self, held: Sequence[Held] = (), files: Sequence[int] = (), state: bytes = b""
    ) -> Child:
        """A new child that inherits the ``held`` files, whose descriptors are ``files``, and what
        the ``state`` of its snapshot says.

        Raises ``HostError`` when the machine cannot have one.
        """
        await self.start()
        used, reader = self._channel, self._reader
        try:
            return await self._fork(held, files, state)
        except WorkerLost:  # the server died just now: once more with a new one
            if used is not None and reader is not None:
                used.close()
                await asyncio.gather(reader, return_exceptions=True)
            await self.start()
            return await self._fork(held, files, state)

    async def release(self, keys: Sequence[str]) -> None:
        """Let the server unmap held files; without a server there is nothing to do."""
        if self._channel is not None:
            with contextlib.suppress(HypercellError):
                await self._channel.send(Release(tuple(keys)))

    async def close(self) -> None:
        """End the server and with it every child."""
        self._closed = True
        async with self._starting:
            await self._end()

    def kill(self) -> None:
        """What ``close`` does, at once and without waiting for what others await here."""
        self._closed = True
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def _launch(self) -> None:
        if self._closed:
            raise Closed("the hypervisor is closed")
        self._process, ours = server_process.start(self._module)
        self._channel = AsyncChannel(ours, FromServer)
        try:
            await self._greeting(self._channel)
        except BaseException:
            await self._end()
            raise
        self._reader = asyncio.create_task(self._read(self._channel))

    async def _greeting(self, incoming: AsyncChannel[Reports]) -> None:
        """Wait until the server is up. Raises what it says, or ``HostError``."""
        problem = "it sent no greeting"
        try:
            async with asyncio.timeout(_START_SECONDS):
                message, descriptors = await incoming.receive()
            channel.close_all(descriptors)
            if isinstance(message, Ready):
                if message.error is not None:
                    raise unpack_error(message.error)
                self.missing = dict(message.missing)
                for layer, why in self.missing.items():
                    if layer not in self._may_miss:
                        raise isolation.refusal(layer, why)
                return
        except TimeoutError:
            problem = f"no sign of life in {_START_SECONDS:.0f} s"
        except WorkerLost:
            problem = "it ended at once"
        hint = f"{server_process.DEBUG}=1 in the environment shows more on stderr"
        raise HostError(f"{self._module} does not start: {problem}", hint=hint)

    async def _fork(self, held: Sequence[Held], files: Sequence[int], state: bytes) -> Child:
        if self._channel is None:
            raise WorkerLost(f"{self._module} does not run", hint=KILLED)
        self._number += 1
        number = self._number
        ours, theirs = channel.pair()
        answer: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self._forking[number] = answer, ours
        try:
            with theirs:
                request = Fork(number, tuple(held), state)
                await self._channel.send(request, [theirs.fileno(), *files])
            return await answer
        except BaseException:
            ours.close()
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                answer.result().kill()
                answer.result().forget()
            raise
        finally:
            self._forking.pop(number, None)

    async def _read(self, incoming: AsyncChannel[Reports]) -> None:
        """Hand out what the server reports, until it is gone."""
        try:
            while True:
                message, descriptors = await incoming.receive()
                if isinstance(message, Forked):
                    descriptors = self._forked(message, descriptors)
                elif isinstance(message, Ended):
                    child = self._children.pop(message.number, None)
                    if child is not None and not child.ended.done():
                        child.ended.set_result(message.status)
                channel.close_all(descriptors)
        except HypercellError:
            pass
        finally:
            for answer, _ in self._forking.values():
                if not answer.done():
                    answer.set_exception(WorkerLost(f"{self._module} died", hint=KILLED))
            for child in self._children.values():
                child.kill()
                if not child.ended.done():
                    child.ended.set_result(-signal.SIGKILL)
            self._children.clear()

    def _forked(self, message: Forked, descriptors: list[int]) -> list[int]:
        """Resolve a fork; the descriptors that nobody took."""
        answer, sock = self._forking.get(message.number, (None, None))
        if answer is None or sock is None or answer.done():
            return descriptors
        if message.problem:
            text = f"no process for a new VM: {message.problem}"
            answer.set_exception(HostError(text, hint="close programs, or raise ulimit -u"))
            return descriptors
        if len(descriptors) != 1:
            answer.set_exception(HostError("the server sent no pidfd", hint=hint(0)))
            return descriptors
        child = Child(message.pid, descriptors[0], sock)
        self._children[message.number] = child
        answer.set_result(child)
        return []

    async def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        try:
            if self._reader is not None:
                await asyncio.gather(self._reader, return_exceptions=True)
                self._reader = None
        finally:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                self._process = None
