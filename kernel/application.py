"""ipykernel's application, as this kernel uses it."""

from __future__ import annotations

from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp
from zmq.eventloop.zmqstream import ZMQStream

from hypercell.kernel.kernel import HypercellKernel
from hypercell.kernel.sender import Sender
from hypercell.kernel.subshells import Subshells

_App: Any = IPKernelApp  # it has no usable types
# Messages that wait for a slow reader; more are lost. ZeroMQ's own limit is 1,000, as many as one
# cell may display: if the end of the cell is lost with them, its page waits for ever.
_UNSENT = 100_000


class HypercellApp(_App):  # type: ignore[misc]
    """ipykernel's application without what only IPython needs."""

    name = "hypercell"
    kernel_class = HypercellKernel
    shell_channel_thread: Any
    iopub_port: Any
    _iopub_stream: ZMQStream | None = None
    outstream_class = None  # nothing is printed here; the streams of cells do not pass stdout

    # The main thread blocks nowhere: it serves the shell channel and publishes itself.
    def init_control(self, context: zmq.Context[Any]) -> None:
        """ipykernel's, without its thread for the shell channel."""
        super().init_control(context)
        self.shell_channel_thread.io_loop.close()
        self.shell_channel_thread = Subshells()

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """ipykernel's, without its thread."""
        socket = context.socket(zmq.XPUB)
        socket.linger = 1000
        socket.sndhwm = _UNSENT
        self._apply_curve_server_options(socket)
        self.iopub_port = self._bind_socket(socket, self.iopub_port)
        self.configure_tornado_logger()
        self._iopub_stream = ZMQStream(socket)
        self._iopub_stream.on_recv(self._welcome)
        self.iopub_socket = Sender(self._iopub_stream)

    def _welcome(self, frames: list[bytes]) -> None:
        """Answer a subscription (JEP 65)."""
        for frame in frames:
            if frame[:1] == b"\x01":
                topic = frame[1:]
                content = {"subscription": topic.decode("utf-8", "replace")}
                self.session.send(self.iopub_socket, "iopub_welcome", content, ident=topic or None)

    def close(self) -> None:
        """Close the sockets."""
        if self._iopub_stream is not None:
            self._iopub_stream.close()
        super().close()

    # No profile in the user's home, and no configuration that is Python and would be run.
    def init_profile_dir(self) -> None:
        """IPython's profiles are IPython's."""
        self.profile_dir = None

    def init_config_files(self) -> None:
        """See ``init_profile_dir``."""

    def load_config_file(self, suppress_errors: bool = True) -> None:
        """See ``init_profile_dir``."""

    def init_path(self) -> None:
        """IPython's would add the notebook's directory, in which nothing of ours lies."""

    def init_pdb(self) -> None:
        """There is no Python to debug."""
