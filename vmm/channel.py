"""Messages between our processes: msgpack over ``SOCK_SEQPACKET``, descriptors by ``SCM_RIGHTS``.

A message is cut into packets of at most ``PACKET`` bytes, each with one byte in front that says
whether more follow; descriptors travel with the first. The receiver trusts nothing: a message
that is too long, cut into small packets, carries too many descriptors or does not fit its type is a
``ProtocolViolation`` (and its descriptors are closed); the end of the stream is ``WorkerLost``; any
other failure of this machine is ``SystemCallFailed``.
"""

from __future__ import annotations

import array
import contextlib
import errno
import functools
import os
import select
import socket
import stat
from collections.abc import Sequence
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from hypercell.vmm.errors import ProtocolViolation, WorkerLost
from hypercell.vmm.host_calls import KILLED, refused

PACKET = 0x1_0000
MAX_MESSAGE = 0x100_0000  # many full reply areas
MAX_DESCRIPTORS = 200  # the kernel allows 253

_MORE, _LAST = b"\x01", b"\x00"
_ANCILLARY = socket.CMSG_SPACE(MAX_DESCRIPTORS * 4)
LOST = "the other process closed its channel"
_RECEIVING = "receiving from another process"

Message = TypeVar("Message")


def pair() -> tuple[socket.socket, socket.socket]:
    """A connected pair of sockets for two channels."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def close_all(descriptors: Sequence[int]) -> None:
    """Close descriptors that nobody will use."""
    for fd in descriptors:
        with contextlib.suppress(OSError):
            os.close(fd)


@functools.cache
def decoder(accept: Any) -> msgspec.msgpack.Decoder[Any]:
    """The decoder of a type: made once, and inherited."""
    return msgspec.msgpack.Decoder(accept)


class ChannelCore(Generic[Message]):
    """What ``Channel`` and ``AsyncChannel`` share. ``accept``: the type to receive."""

    _sockets = True  # whether descriptors may be sockets

    def __init__(self, sock: socket.socket, accept: Any, *, max_message: int = MAX_MESSAGE) -> None:
        self._sock = sock
        self._decoder: msgspec.msgpack.Decoder[Message] = decoder(accept)
        self._max_message = max_message
        self._parts: list[bytes] = []
        self._descriptors: list[int] = []

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        close_all(self._descriptors)
        self._descriptors = []
        self._sock.close()

    def _packets(self, message: object) -> list[bytes]:
        data = msgspec.msgpack.encode(message)
        if len(data) > self._max_message:
            raise ProtocolViolation(
                f"a message of {len(data)} bytes is over the limit of {self._max_message}"
            )
        cuts = range(0, len(data), PACKET)
        last = cuts[-1]
        return [(_LAST if at == last else _MORE) + data[at : at + PACKET] for at in cuts]

    def _send_packet(self, packet: bytes, descriptors: Sequence[int]) -> None:
        ancillary = (
            [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
            if descriptors
            else []
        )
        try:
            self._sock.sendmsg([packet], ancillary, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            raise
        except (BrokenPipeError, ConnectionResetError) as error:
            raise WorkerLost(LOST, hint=KILLED) from error
        except OSError as error:
            raise refused("sending to another process", error) from error

    def _receive_packet(self) -> tuple[Message, list[int]] | None:
        """Take one packet; a whole message when it was the last. BlockingIOError passes."""
        try:
            data, ancillary, flags, _ = self._sock.recvmsg(
                PACKET + 1, _ANCILLARY, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            raise
        except ConnectionResetError as error:
            raise WorkerLost(LOST, hint=KILLED) from error
        except OSError as error:
            raise refused(_RECEIVING, error) from error
        for level, kind, payload in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = array.array("i")
                numbers.frombytes(payload[: len(payload) - len(payload) % numbers.itemsize])
                self._descriptors += numbers
                if not self._sockets and any(map(_is_socket, numbers)):
                    self._violation("a message carries a socket")
        if not data:
            raise WorkerLost(LOST, hint=KILLED)
        if flags & socket.MSG_CTRUNC and len(self._descriptors) < MAX_DESCRIPTORS:
            # There was room for more: it is this process that may have no more.
            raise refused(_RECEIVING, OSError(errno.EMFILE, ""))
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            self._violation("a packet is too long or carries too many descriptors")
        self._parts.append(data[1:])
        if len(self._descriptors) > MAX_DESCRIPTORS:
            self._violation(f"a message carries more than {MAX_DESCRIPTORS} descriptors")
        if sum(map(len, self._parts)) > self._max_message:
            self._violation(f"a message is over the limit of {self._max_message} bytes")
        if data[:1] == _MORE:
            if len(data) != PACKET + 1:
                self._violation(f"a message is cut into packets of {len(data)} bytes")
            return None
        try:
            message = self._decoder.decode(b"".join(self._parts))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            self._violation(f"a message does not fit its type: {error}")
        descriptors, self._descriptors, self._parts = self._descriptors, [], []
        return message, descriptors

    def _violation(self, what: str) -> NoReturn:
        close_all(self._descriptors)
        self._descriptors, self._parts = [], []
        raise ProtocolViolation(what)


def _is_socket(fd: int) -> bool:
    return stat.S_ISSOCK(os.fstat(fd).st_mode)


class Channel(ChannelCore[Message]):
    """The blocking end, for processes with one thread and one thing to do."""

    def send(self, message: object, descriptors: Sequence[int] = ()) -> None:
        """Send a message; the descriptors stay open here."""
        for packet in self._packets(message):
            self._send_packet(packet, descriptors)
            descriptors = ()

    def receive(self) -> tuple[Message, list[int]]:
        """Wait for the next message and its descriptors (close-on-exec, the caller's to close)."""
        while True:
            received = self._receive_packet()
            if received is not None:
                return received

    def pending(self, timeout: float = 0.0) -> bool:
        """Whether something arrives within ``timeout`` seconds (also the end of the stream)."""
        poller = select.poll()
        poller.register(self._sock.fileno(), select.POLLIN)
        return bool(poller.poll(timeout * 1000))
