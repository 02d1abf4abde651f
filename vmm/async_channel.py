"""The kernel process's end of a channel, on an asyncio loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

from hypercell.vmm.channel import LOST, MAX_MESSAGE, ChannelCore, Message
from hypercell.vmm.errors import WorkerLost
from hypercell.vmm.host_calls import KILLED, told

_FAIR = 16


class AsyncChannel(ChannelCore[Message]):
    """One reader at a time; any number of tasks may send. It takes no sockets.

    The other end could send itself, in the first packet of a message, and die: held here, it would
    keep the stream open, and its end would never be seen.
    """

    _sockets = False

    def __init__(self, sock: socket.socket, accept: Any, *, max_message: int = MAX_MESSAGE) -> None:
        super().__init__(sock, accept, max_message=max_message)
        sock.setblocking(False)
        self._closed = False
        self._in_a_row = 0  # packets that were there without waiting
        self._waiting: dict[asyncio.Future[None], Callable[[int], object]] = {}
        self._sending = asyncio.Lock()

    async def send(self, message: object, descriptors: Sequence[int] = ()) -> None:
        """Send a message; the descriptors stay open here. Whole messages, also from two tasks."""
        async with self._sending:
            for packet in self._packets(message):
                await self._send_when_ready(packet, descriptors)
                descriptors = ()

    async def _send_when_ready(self, packet: bytes, descriptors: Sequence[int]) -> None:
        while True:
            self._check()
            try:
                return self._send_packet(packet, descriptors)
            except BlockingIOError:
                await self._ready(writing=True)

    def quiet(self) -> bool:
        """Whether the other end is there and has sent nothing that was not received."""
        if self._closed:
            return False
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    async def receive(self) -> tuple[Message, list[int]]:
        """Wait for the next message and its descriptors (close-on-exec, the caller's to close)."""
        while True:
            if self._in_a_row >= _FAIR:  # a flood must not starve the loop of its timers
                self._in_a_row = 0
                await asyncio.sleep(0)  # here nothing is taken yet that a cancellation could lose
            self._check()
            try:
                received = self._receive_packet()
            except BlockingIOError:
                self._in_a_row = 0
                await self._ready(writing=False)
                continue
            self._in_a_row += 1
            if received is not None:
                return received

    def close(self) -> None:
        """Close the socket; whoever waits on it gets ``WorkerLost``."""
        if not self._closed:
            self._closed = True
            for future in list(self._waiting):
                self._forget(future)  # before the number of the descriptor can be used again
                _wake(future)
            super().close()

    def _check(self) -> None:
        if self._closed:
            raise WorkerLost(LOST, hint=KILLED)

    async def _ready(self, *, writing: bool) -> None:
        loop = asyncio.get_running_loop()
        fd = self._sock.fileno()
        future: asyncio.Future[None] = loop.create_future()
        add, remove = (
            (loop.add_writer, loop.remove_writer)
            if writing
            else (loop.add_reader, loop.remove_reader)
        )
        with told("waiting for another process"):
            add(fd, _wake, future)
        self._waiting[future] = remove
        try:
            await future
        finally:
            self._forget(future)

    def _forget(self, future: asyncio.Future[None]) -> None:
        remove = self._waiting.pop(future, None)
        if remove is not None:
            remove(self._sock.fileno())


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
