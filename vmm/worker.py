"""A worker: the forked, jailed process that drives one VM, from its first page to its end.

It waits for one of ``Boot`` (the image) or ``Park`` (a snapshot), then serves jobs. Whatever goes
wrong is reported as an error of the tree, and then it ends: a VM that misbehaved never runs again.
Nothing is freed here; the end of the process frees all of it, after the result has been sent.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Mapping

import msgspec

from hypercell.vmm import abi, jail, memfd
from hypercell.vmm import channel as channels
from hypercell.vmm.batches import Batches
from hypercell.vmm.channel import Channel
from hypercell.vmm.commands import Command, Ok, Reply
from hypercell.vmm.delta_pages import HOT
from hypercell.vmm.errors import HostError, HypercellError, ProtocolViolation
from hypercell.vmm.host_calls import hint, refused
from hypercell.vmm.image import GuestImage
from hypercell.vmm.job import JobHost
from hypercell.vmm.machine import Machine
from hypercell.vmm.messages import (
    Adopt,
    Boot,
    Done,
    Job,
    Keep,
    Kept,
    Park,
    Parked,
    Snapped,
    Touch,
    ToWorker,
    WireReply,
    pack_error,
    pack_reply,
    unpack_command,
)
from hypercell.vmm.outcome import Usage
from hypercell.vmm.program import MIB, Limits
from hypercell.vmm.runs import Run
from hypercell.vmm.snapshot import Snapshot, SnapshotState
from hypercell.vmm.windows import HugeMapping

_BOOT_MEMORY = 64 * MIB
_IMAGE_MAX = 16 * MIB
_OWN_MEMORY = 512 * MIB  # a worker's own, and the pool grows by large slots
_WINDOWS = 3 << 30  # code and layers that jobs may map
_TICK = 0.01  # seconds
_TOUCH_SECONDS = 1.0


class Worker:
    """Serves one channel. ``held``: what the zygote mapped for its workers.

    ``kvm``, ``pagemap``: open descriptors; a worker cannot open anything itself. ``narrow``: lets
    go of all rights that only the making of a VM needs.
    """

    def __init__(
        self,
        channel: Channel[ToWorker],
        kvm: int,
        pagemap: int,
        held: Mapping[str, HugeMapping],
        narrow: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._kvm = kvm
        self._pagemap = pagemap
        self._held = held
        self._narrow = narrow
        self._machine: Machine | None = None
        self._limited = False
        self._mapped = jail.Mapped(0, 0)
        self._inherited = 0  # bytes of memory that the snapshot had
        self._suspended: tuple[Command, ...] = ()  # what stands at a deferred file
        self._full = False
        self._kept: tuple[Kept, int] | None = None  # and the descriptor of its piece

    def serve(self) -> None:
        """Serve until the kernel process closes the channel, or something goes wrong."""
        try:
            while True:
                message, descriptors = self._channel.receive()
                if isinstance(message, Boot):
                    self._boot(descriptors)
                elif isinstance(message, Park):
                    self._park(message, descriptors)
                elif isinstance(message, Job):
                    self._answer(message, descriptors)
                elif isinstance(message, Adopt):
                    self._adopt(message, descriptors)
                elif isinstance(message, Touch):
                    self._touch()
                elif isinstance(message, Keep):
                    self._keep()
                else:  # a Cancel or input that came after the end of its job
                    channels.close_all(descriptors)
        except HypercellError as error:
            self._channel.send(pack_error(error))
        except MemoryError:
            failure = HostError("a worker ran out of memory", hint=hint(errno.ENOMEM))
            self._channel.send(pack_error(failure))
        except OSError as error:
            self._channel.send(pack_error(refused("running a VM", error)))

    # --- the VM -----------------------------------------------------------------------------

    def _boot(self, descriptors: list[int]) -> None:
        image = GuestImage(memfd.read(descriptors[0], _IMAGE_MAX))
        channels.close_all(descriptors)
        self._machine = Machine.boot(
            self._kvm, image, limits_memory=_BOOT_MEMORY, pagemap=self._pagemap
        )
        host = JobHost(self._channel, Job((), (), (), Limits()), silent=True)
        with _Ticking():
            self._machine.start(host)
        self._send_snapshot(())

    def _park(self, request: Park, descriptors: list[int]) -> None:
        state = SnapshotState.unpack(request.state)
        rest = iter(descriptors)
        snapshot = Snapshot(next(rest), state)
        code = [self._held[key] if key else next(rest) for key in request.code]
        layers = [self._held[key] if key else next(rest) for key in request.layers]
        self._machine = Machine.fork(
            self._kvm,
            snapshot,
            limits_memory=0,
            code=code,
            layers=layers,
            huge=state.extents if request.eager else (),
            pagemap=self._pagemap,
        )
        self._machine.populate()
        self._inherited = self._machine.committed
        self._suspended = tuple(unpack_command(command) for command in request.suspended)
        hot: list[Run] = []
        if request.warm is not None:
            self._machine.warm_up()
            host = JobHost(self._channel, request.warm, silent=True)
            replies = self._run(request.warm, list(rest), host)
            if not all(isinstance(reply, Ok) for reply in replies):
                raise HostError(f"the warm-up of a VM failed: {replies[-1]}")
            msgspec.msgpack.encode(Done(tuple(map(pack_reply, replies)), Usage()))  # warm as well
            if request.sessions:
                hot = self._machine.written_units(HOT)
            self._machine.refresh()
        if request.sessions and request.unhurried:
            self._machine.expect_session()
        channels.close_all(descriptors[1:])
        os.close(self._kvm)  # one worker, one VM
        self._narrow()
        self._mapped = jail.mapped_now()
        self._channel.send(Parked(tuple(hot)))

    def _adopt(self, request: Adopt, descriptors: list[int]) -> None:
        machine = self._ready()
        if not 0 <= request.pieces <= len(descriptors):
            raise ProtocolViolation(f"{len(descriptors)} descriptors with a session's state")
        pieces, layers = descriptors[: request.pieces], descriptors[request.pieces :]
        memory = layers.pop() if request.memory and layers else None
        machine.adopt(request.state, request.index, pieces, layers, memory, request.hot)
        if memory is not None:
            os.close(memory)
        channels.close_all(layers)
        self._full = request.full
        self._inherited = machine.committed
        self._mapped = jail.mapped_now()
        self._channel.send(Parked())

    def _touch(self) -> None:
        host = JobHost(self._channel, Job((), (), (), Limits(wall=_TOUCH_SECONDS)), silent=True)
        with _Ticking():
            self._ready().touch(host)
        self._channel.send(Parked())

    def _keep(self) -> None:
        kept, fd = self._kept or self._changes()
        self._kept = None
        self._channel.send(kept, [fd])
        os.close(fd)

    def _changes(self) -> tuple[Kept, int]:
        state, fd, runs = self._ready().changes(full=self._full)
        return Kept(state, runs), fd

    def _answer(self, job: Job, descriptors: list[int]) -> None:
        started = time.monotonic()
        if self._kept is not None:
            os.close(self._kept[1])
            self._kept = None
        host = JobHost(self._channel, job)
        if not self._limited:  # even if the guest has taken this process over
            self._limited = True
            memory = job.limits.memory + _OWN_MEMORY
            jail.limit_memory(self._mapped, jail.Mapped(memory, memory + _WINDOWS))
            if job.keep:
                jail.limit_files(abi.POOL_BASE + 2 * (self._inherited + memory))
            elif not job.snapshot:
                jail.forbid_files()
        replies = self._run(job, descriptors, host)
        packed = tuple(map(pack_reply, replies))
        if job.snapshot:
            host.flush()
            self._send_snapshot(packed)
            return
        machine = self._ready()
        usage = Usage(
            wall=time.monotonic() - started,
            linear_memory=machine.committed,
            output=host.written,
            refused_grows=machine.refused_grows,
        )
        self._channel.send(Done(packed, usage, host.take()))
        channels.close_all(descriptors)
        if job.keep and job.hurry and isinstance(replies[-1], Ok):  # while the reply is on its way
            self._kept = self._changes()

    def _send_snapshot(self, replies: tuple[WireReply, ...]) -> None:
        snapshot = self._ready().snapshot()
        state = msgspec.msgpack.encode(snapshot.state)
        self._channel.send(Snapped(state, replies), [snapshot.fd])
        snapshot.close()

    def _ready(self) -> Machine:
        if self._machine is None:
            raise HostError("a worker got a job before its VM")
        return self._machine

    # --- jobs ---------------------------------------------------------------------------------

    def _run(self, job: Job, descriptors: list[int], host: JobHost) -> list[Reply]:
        """Run all commands of a job, in as many batches as that takes."""
        machine = self._ready()
        if len(descriptors) != len(job.code) + len(job.layers):
            raise ProtocolViolation(f"{len(descriptors)} descriptors with a job")
        machine.limits_memory = self._inherited + job.limits.memory
        code = [machine.map_code(fd, size) for fd, size in zip(descriptors, job.code, strict=False)]
        layers = [
            machine.map_layer(fd, size) if size else (0, 0)
            for fd, size in zip(descriptors[len(code) :], job.layers, strict=True)
        ]
        machine.forget_layers(min(job.passing, sum(map(bool, job.layers))))
        commands = [unpack_command(command) for command in job.commands]
        batches = Batches(machine, host, code, layers)
        with _Ticking():
            if job.until_deferred:
                return batches.run_to_deferred(commands)
            suspended, self._suspended = self._suspended, ()
            return batches.run(commands, suspended)


class _Ticking:
    """While it lasts a signal interrupts every system call each 10 ms; KVM_RUN ends with EINTR."""

    def __enter__(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
