"""A server that cannot watch a child goes on serving, and the child is reaped all the same."""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Iterator

import psutil
import pytest
from faulty_server import Faults

from hypercell.vmm import channel, server_process
from hypercell.vmm.channel import Channel
from hypercell.vmm.messages import Fork, Forked, FromServer, Ready

SECONDS = 240


@pytest.fixture(name="faults")
def faults_fixture() -> Iterator[Faults]:
    with pytest.MonkeyPatch.context() as patch:
        made = Faults()
        made.patch(patch)
        yield made


def ask(server: Channel[Ready | Forked], number: int) -> tuple[Forked, list[int], socket.socket]:
    """Fork; the answer, its descriptors, and our end of the child's channel."""
    ours, theirs = channel.pair()
    with theirs:
        server.send(Fork(number, ()), [theirs.fileno()])
    assert server.pending(SECONDS), "the server hangs"
    message, descriptors = server.receive()
    assert isinstance(message, Forked)
    return message, descriptors, ours


def test_a_child_without_a_pidfd_stops_nobody(faults: Faults) -> None:
    process, sock = server_process.start("hypercell.vmm.compiler")
    with contextlib.ExitStack() as held:
        held.callback(process.wait)
        held.callback(process.kill)
        server: Channel[Ready | Forked] = Channel(sock, FromServer)
        held.callback(server.close)
        assert isinstance(server.receive()[0], Ready)
        faults.arm("pidfd_open", 1, errno.EMFILE)
        refused, none, first = ask(server, 1)
        held.callback(first.close)
        assert "Too many open files" in refused.problem
        assert none == []
        # The first child's channel is still open: it waits there.
        forked, descriptors, second = ask(server, 2)
        held.callback(second.close)
        held.callback(channel.close_all, descriptors)
        assert forked.pid
        assert len(psutil.Process(process.pid).children()) == 2
        first.close()
        end = time.monotonic() + SECONDS
        while [child.pid for child in psutil.Process(process.pid).children()] != [forked.pid]:
            assert time.monotonic() < end, "the child stays"
            time.sleep(0.01)
