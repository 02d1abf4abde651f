"""A process that does nothing but fork children: the zygote and the compiler are two of them.

It imports what its children need, then waits for ``Fork`` messages; each brings the socket of the
new child. One thread, one loop; it reaps what ends and reports that.
"""

from __future__ import annotations

import argparse
import functools
import os
import select
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NoReturn, Protocol

from hypercell.vmm import channel, jail, linux
from hypercell.vmm.channel import Channel
from hypercell.vmm.errors import HypercellError, ProtocolViolation, WorkerLost
from hypercell.vmm.filters import Filters
from hypercell.vmm.jail import Jail
from hypercell.vmm.messages import Ended, Fork, Forked, Ready, Release, ToServer

_LOOK_AGAIN = 100  # milliseconds
_OVER: Final = object()
EXIT_DEFECT = 70  # a child failed in a way that is no error of the tree
Child = Callable[[Jail, socket.socket], None]
Control = Channel[Fork | Release]


def arguments() -> Control:
    """Parse the command line of a server and begin to lock it up; its channel."""
    # A width that is not given is asked of shutil, with which each child would inherit three
    # libraries that compress.
    formatter = functools.partial(argparse.HelpFormatter, width=80)
    parser = argparse.ArgumentParser(formatter_class=formatter)
    parser.add_argument("--channel", type=int, required=True, help="descriptor of the socket")
    parser.add_argument("--parent", type=int, required=True, help="process id that started this")
    given = parser.parse_args()
    jail.enter_server(given.parent)
    sock = socket.socket(fileno=given.channel)
    sock.set_inheritable(False)
    return Channel(sock, ToServer)


class Holder(Protocol):
    """What children inherit."""

    def hold(self, message: Fork, descriptors: Sequence[int]) -> None:
        """Map files that are not held yet, and learn a state."""

    def release(self, keys: Iterable[str]) -> None:
        """Unmap."""


def serve(
    control: Control,
    filters: Filters,
    child: Child,
    holder: Holder | None = None,
    rehearsals: Iterator[None] | None = None,
) -> None:
    """Fork until the kernel process goes. ``child`` gets its socket and returns when it is done.

    ``rehearsals``: goes on by one step whenever there is nothing else to do. All that server and
    children open and import must be there: the jail closes here.
    """
    jail.ready_to_fork()
    locked = jail.Jail(filters)
    control.send(Ready(missing=locked.missing))
    children: dict[int, tuple[int, int]] = {}  # pidfd -> (pid, number)
    unwatched: list[int] = []  # without a pidfd; their channels are closed, so they end
    poller = select.poll()
    poller.register(control.fileno(), select.POLLIN)
    while True:
        unwatched = [pid for pid in unwatched if os.waitpid(pid, os.WNOHANG)[0] == 0]
        events = poller.poll(_LOOK_AGAIN if unwatched or rehearsals else None)
        if not events and rehearsals and next(rehearsals, _OVER) is _OVER:
            rehearsals = None
        for fd, _ in events:
            if fd in children:
                poller.unregister(fd)
                pid, number = children.pop(fd)
                os.close(fd)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                control.send(Ended(number, status))
                continue
            message, descriptors = control.receive()
            if isinstance(message, Release):
                channel.close_all(descriptors)
                if holder is not None:
                    holder.release(message.keys)
                continue
            if len(descriptors) != 1 + len(message.held):
                raise ProtocolViolation(f"{len(descriptors)} descriptors with a fork")
            try:
                if holder is not None:
                    holder.hold(message, descriptors[1:])
                pid = os.fork()
            except (OSError, HypercellError) as error:
                channel.close_all(descriptors)
                control.send(Forked(message.number, 0, str(error)))
                continue
            if pid == 0:
                _run(functools.partial(child, locked), socket.socket(fileno=descriptors[0]))
            channel.close_all(descriptors)
            try:
                pidfd = linux.pidfd_open(pid)
            except OSError as error:
                unwatched.append(pid)
                control.send(Forked(message.number, 0, str(error)))
                continue
            children[pidfd] = (pid, message.number)
            poller.register(pidfd, select.POLLIN)
            control.send(Forked(message.number, pid), [pidfd])


def run(main: Callable[[], None]) -> NoReturn:
    """Run the main function of a server; the end of the kernel process is its normal end."""
    try:
        main()
    except WorkerLost:
        pass
    except HypercellError as error:
        print(f"hypercell: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def _run(child: Callable[[socket.socket], None], sock: socket.socket) -> NoReturn:
    status = EXIT_DEFECT
    try:
        child(sock)
        status = 0
    except WorkerLost:
        status = 0  # the kernel process closed the channel: nobody wants an answer
    except BaseException:
        _print_defect()
    finally:
        os._exit(status)


def _print_defect() -> None:
    """A traceback without source lines: a child cannot open the sources."""
    _, error, place = sys.exc_info()
    lines = [f"{type(error).__name__}: {error}"]
    for frame, line in traceback.walk_tb(place):
        lines.append(f"  {frame.f_code.co_filename}:{line} {frame.f_code.co_name}")
    os.write(2, "\n".join([*lines, ""]).encode("utf-8", "replace"))
