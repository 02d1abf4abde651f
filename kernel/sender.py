"""Sending on a ZeroMQ socket that the main thread's event loop also listens on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import zmq
from zmq.eventloop.zmqstream import ZMQStream


class Sender:
    """Looks like a socket to jupyter_client's ``Session``. Made in the main thread.

    What the main thread sends leaves at once; other threads send through its loop. A thread for
    the socket, as ipykernel has one, costs every message a change of threads.
    """

    def __init__(self, stream: ZMQStream) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def send_multipart(self, parts: Sequence[Any], *, copy: bool = True) -> None:
        """Send a message; after the stream's end there is nobody to get it."""
        if threading.get_ident() == self._thread:
            self._send(parts, copy=copy)
        else:
            self._stream.io_loop.add_callback(self._send, parts, copy=copy)

    def _send(self, parts: Sequence[Any], *, copy: bool) -> None:
        if self._stream.closed():
            return
        socket = self._stream.socket
        socket.send_multipart(parts, zmq.NOBLOCK, copy=copy)
        # A socket tells its stream once of what has arrived, and sending may have taken that.
        if int(socket.events) & zmq.POLLIN:
            self._stream.io_loop.add_callback(self._stream.flush, zmq.POLLIN)
