"""A worker that was taken over answers a job: a typed error, no hang, no descriptor left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence

import pytest

from hypercell.vmm import abi, memfd
from hypercell.vmm import channel as channels
from hypercell.vmm import commands as c
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.channel import Channel
from hypercell.vmm.errors import Closed, ProtocolViolation
from hypercell.vmm.fork_client import Child
from hypercell.vmm.messages import Done, FromWorker, Snapped, ToWorker, WireOk, WireReply
from hypercell.vmm.outcome import Usage, ValType
from hypercell.vmm.vm import Vm

_GOOD = WireOk(0, (), b"", 0, ())
_BAD = c.Failed(abi.ST_ERROR, "no")
_TOO_SHORT = WireOk(0, ((ValType.I32, b"short"),), b"", 0, ())
_TWO = [c.Usage(), c.Usage()]


class Forger:
    """The worker's end of a channel; its VM is asked, and gets whatever was said before."""

    def __init__(self) -> None:
        ours, theirs = channels.pair()
        self._channel = Channel(theirs, ToWorker)
        idle = [sys.executable, "-c", "import time; time.sleep(600)"]
        self._worker = subprocess.Popen(idle)
        child = Child(self._worker.pid, os.pidfd_open(self._worker.pid), ours)
        self.vm = Vm(child, AsyncChannel(ours, FromWorker), (), lambda _: None)

    def say(self, message: object, descriptors: Sequence[int] = ()) -> None:
        """It waits until it is asked for."""
        self._channel.send(message, descriptors)

    def close(self) -> None:
        """Both ends, and the process."""
        self.vm.close()
        self._channel.close()
        self._worker.wait()


@pytest.fixture
async def forger() -> AsyncIterator[Forger]:
    """Of a process that does nothing else."""
    made = Forger()
    yield made
    made.close()


@pytest.mark.parametrize(
    "replies",
    [(), (_GOOD,), (_BAD, _GOOD), (_GOOD, _GOOD, _GOOD), (_GOOD, _TOO_SHORT)],
    ids=["none", "too few", "after the end", "too many", "a value that is none"],
)
async def test_replies_that_make_no_sense(forger: Forger, replies: tuple[WireReply, ...]) -> None:
    forger.say(Done(replies, Usage()))
    with pytest.raises(ProtocolViolation):
        await forger.vm.run(_TWO)
    with pytest.raises(Closed):
        await forger.vm.run(_TWO)


async def test_an_export_that_is_not_answered_ends(forger: Forger) -> None:
    forger.say(Done((), Usage()))
    with pytest.raises(ProtocolViolation):
        await forger.vm.export_home()


@pytest.mark.parametrize(
    "message",
    [
        Done((_GOOD, _GOOD), Usage(), ((99, b"nobody's"),)),
        Snapped(b"", (_TOO_SHORT,)),
        Done((_GOOD,), Usage()),
    ],
    ids=["with output for nobody", "with a snapshot's forged reply", "with a job's end"],
)
async def test_descriptors_that_came_along_are_closed(forger: Forger, message: object) -> None:
    fds = [memfd.of_bytes(b"x", "forged")]
    before = set(os.listdir("/proc/self/fd"))
    forger.say(message, fds)
    with pytest.raises(ProtocolViolation):
        await forger.vm.snapshot(_TWO)
    left = set(os.listdir("/proc/self/fd")) - before
    channels.close_all(fds)
    assert not left
