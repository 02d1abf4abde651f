"""Subshells: requests of each are served one after the other, those of two beside each other.

ipykernel has a thread for each, and one for the shell channel, since Python code blocks the thread
that runs it. Here a cell runs in its VM, so the main thread's event loop serves them all.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from ipykernel.subshell_manager import UnknownSubshellError
from tornado.ioloop import IOLoop
from zmq.eventloop.zmqstream import ZMQStream

from hypercell.kernel.sender import Sender


class _Subshell:
    """``lock``: held while a request is served."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.aborting = False


class Subshells:
    """In place of ipykernel's thread for the shell channel, and of the manager that it has.

    None is the main shell. Use it in the main thread. All that takes a name raises
    ``UnknownSubshellError``.
    """

    shell_stream: ZMQStream  # the application sets it

    def __init__(self) -> None:
        self.io_loop = IOLoop.current()
        self._subshells: dict[str | None, _Subshell] = {None: _Subshell()}
        self._sender: Sender | None = None

    def create(self) -> str:
        """Make one; its name."""
        name = str(uuid.uuid4())
        self._subshells[name] = _Subshell()
        return name

    def delete(self, name: str | None) -> None:
        """Take no more requests for it; the main shell stays."""
        if name is None:
            raise UnknownSubshellError("")
        self._find(name)
        del self._subshells[name]

    def names(self) -> list[str]:
        """Of all but the main shell."""
        return [name for name in self._subshells if name is not None]

    def lock(self, name: str | None) -> asyncio.Lock:
        """Held while one of its requests is served."""
        return self._find(name).lock

    def _find(self, name: str | None) -> _Subshell:
        try:
            return self._subshells[name]
        except (KeyError, TypeError):
            raise UnknownSubshellError(str(name)) from None

    # --- what ipykernel calls -------------------------------------------------------------------

    @property
    def manager(self) -> Subshells:
        """Itself."""
        return self

    def start(self) -> None:
        """There is no thread."""

    def is_alive(self) -> bool:
        """There is no thread."""
        return False

    def set_on_recv_callback(self, _: Any) -> None:
        """No messages go between threads."""

    def get_subshell_to_shell_channel_socket(self, _: str | None) -> Sender:
        """Where replies go."""
        if self._sender is None:
            self._sender = Sender(self.shell_stream)
        return self._sender

    def get_subshell_aborting(self, name: str) -> bool:
        """Whether a cell failed, so that those sent before that are not run."""
        return self._find(name).aborting

    def set_subshell_aborting(self, name: str, aborting: bool) -> None:
        """Set it."""
        self._find(name).aborting = aborting
