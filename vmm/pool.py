"""Parked workers: VMs made ahead, from immutable snapshots, while nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque

from hypercell.vmm import channel as channels
from hypercell.vmm import runs
from hypercell.vmm.async_channel import AsyncChannel
from hypercell.vmm.errors import (
    Closed,
    HostError,
    HypercellError,
    ProtocolViolation,
    WorkerLost,
)
from hypercell.vmm.fork_client import Child, ForkServer
from hypercell.vmm.host_calls import KILLED, told
from hypercell.vmm.messages import (
    Adopt,
    FromWorker,
    Park,
    Parked,
    Raised,
    Touch,
    pack_commands,
    unpack_error,
)
from hypercell.vmm.runs import Run
from hypercell.vmm.session_memory import SessionMemory
from hypercell.vmm.session_state import SessionState
from hypercell.vmm.vm import Gone, Incoming, Vm
from hypercell.vmm.vm_snapshot import Snapshot

_PARK_SECONDS = 10.0
_END_SECONDS = 5.0
_LOW = 2  # with fewer ready workers than this, making more does not wait for a pause
_AFTER_CLOSE = 0.005  # seconds: let the reply go out first
_PAUSE = 0.05  # seconds without a cell: nobody wants the processors now
_AFTER_ADD = 0.5  # a kernel or a compiler that has just been started goes on to do something
_AFTER_ACQUIRE = 0.25  # a cell that runs longer shares the processors with us


class Waiting:
    """A worker that waits for its job."""

    def __init__(self, child: Child, channel: AsyncChannel[Incoming]) -> None:
        self.child = child
        self.channel = channel
        self.memory: SessionMemory | None = None

    def usable(self) -> bool:
        """Whether the worker is alive and has said nothing unasked."""
        return not self.child.ended.done() and self.channel.quiet()

    def close(self) -> None:
        self.child.kill()
        self.child.forget()
        self.channel.close()


class Pool:
    """Keeps ``Snapshot.parked`` workers ready for each snapshot it has been told of.

    Cells that come in a row live on what is ready; it is made up for in the next pause, and
    before that only so far that no cell waits for its VM.
    """

    def __init__(self, zygote: ForkServer) -> None:
        self._zygote = zygote
        self._ready: dict[Snapshot, deque[Waiting]] = {}
        self._sessions: dict[SessionState, asyncio.Task[Waiting]] = {}
        # Of states that were just committed: their memory, and when nobody has it any more.
        self._memories: weakref.WeakKeyDictionary[SessionState, tuple[SessionMemory, Gone]]
        self._memories = weakref.WeakKeyDictionary()
        self._timer: asyncio.TimerHandle | None = None
        self._filling: asyncio.Task[None] | None = None
        self._soon: dict[Snapshot, asyncio.Future[Waiting]] = {}  # being made
        self._leaving: set[Gone] = set()  # of VMs with a session's memory that were closed
        self._releasing: set[asyncio.Future[None]] = set()
        self._busy = 0.0  # loop time of the last acquire or close
        self._closed = False

    def add(self, snapshot: Snapshot) -> None:
        """Keep workers ready for a snapshot from now on: one or two soon, the others when whoever
        made it has begun and pauses.
        """
        self._busy = max(self._busy, asyncio.get_running_loop().time() + _AFTER_ADD)
        self._ready.setdefault(snapshot, deque())
        self._refill_in(0.0)

    def discard(self, snapshot: Snapshot) -> None:
        """End the workers of a snapshot and let the zygote forget its files."""
        for waiting in self._ready.pop(snapshot, ()):
            waiting.close()
        shared = {key for other in self._ready for key, _ in other.files()}
        keys = [key for key, _ in snapshot.files() if key and key not in shared]
        if keys:
            task = asyncio.ensure_future(self._zygote.release(keys))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    def count(self, snapshot: Snapshot) -> int:
        """How many workers are parked for it."""
        return len(self._ready.get(snapshot, ()))

    async def acquire(self, place: Snapshot | SessionState, *, lasting: bool = False) -> Vm:
        """A parked VM, or one made now. Raises ``HostError``, ``Closed``.

        ``lasting``: what it leaves will be committed, so it has the memory of its session.
        """
        self._busy = asyncio.get_running_loop().time()
        if not isinstance(place, SessionState):
            base = place
            waiting = await self._generic(place)
        else:
            base = place.base
            waiting = await (self._session(place) if lasting else self._adopted(place, None))
        empty = base.sessions and not self._ready.get(base)
        self._refill_in(0.0 if empty else _AFTER_ACQUIRE)
        return self._vm(waiting, base)

    async def _session(self, state: SessionState) -> Waiting:
        """A VM of a session's state with the memory of the session: the prepared one, if any."""
        preparing = self._sessions.pop(state, None)
        if preparing is not None:
            with contextlib.suppress(HypercellError):  # what is wrong will be said again
                waiting = await preparing
                if waiting.usable():
                    return waiting
                waiting.close()
        return await self._with_memory(state)

    def prepare(self, state: SessionState) -> None:
        """Begin to make a VM of a session; the next ``acquire`` of what lasts takes it."""
        if state not in self._sessions and not self._closed:
            self._sessions[state] = asyncio.create_task(self._with_memory(state))

    def forget(self, state: SessionState) -> None:
        """Keep no VM of a session's state ready any more."""
        preparing = self._sessions.pop(state, None)
        if preparing is not None:
            preparing.add_done_callback(_close_made)
            preparing.cancel()

    def pass_on(self, vm: Vm, state: SessionState) -> None:
        """What the memory of a closed VM holds now is that state."""
        if vm.memory is not None and vm.gone is not None:
            self._memories[state] = vm.memory, vm.gone

    async def _with_memory(self, state: SessionState) -> Waiting:
        with told("making a VM"):
            memory, gone = self._memories.pop(state, (None, None))
            waiting = await self._adopted(state, memory or SessionMemory())
            try:
                if gone is not None and waiting.memory is memory:
                    await asyncio.shield(gone)  # no guest runs in this memory before
                if state in self._sessions:  # nobody waits for it yet
                    await self._parked(waiting, Touch(), [])
            except BaseException:
                waiting.close()
                raise
            return waiting

    async def _adopted(self, state: SessionState, memory: SessionMemory | None) -> Waiting:
        """Make a parked VM of the runtime a session's."""
        message, files = state.adopt(memory)
        waiting = await self._generic(state.base)
        try:
            await self._parked(waiting, message, files)
        except WorkerLost:  # a parked one was about to die, before it had the memory or with it
            if memory is not None:
                memory = SessionMemory()
                message, files = state.adopt(memory)
            waiting = await self.park(state.base, on_demand=True)
            await self._parked(waiting, message, files)
        waiting.memory = memory
        return waiting

    async def _generic(self, snapshot: Snapshot) -> Waiting:
        if snapshot.closed:
            raise Closed(f"the snapshot {snapshot.name!r} was discarded")
        ready = self._ready.get(snapshot, deque())
        if not ready and (soon := self._soon.get(snapshot)) is not None:
            await asyncio.wait([soon])
        while ready:
            waiting = ready.popleft()
            if waiting.usable():
                return waiting
            waiting.close()
        try:
            return await self.park(snapshot, on_demand=True)
        except WorkerLost:  # its zygote was about to die
            return await self.park(snapshot, on_demand=True)

    async def fresh(self, snapshot: Snapshot) -> Vm:
        """A VM made now and not warmed up: it maps nothing but the snapshot's files."""
        return self._vm(await self.park(snapshot, on_demand=True), snapshot)

    async def filled(self) -> None:
        """Wait until the workers that should be parked are."""
        if self._filling is not None:
            await asyncio.shield(self._filling)
        self._start_filling(whole=True)
        if self._filling is not None:
            await asyncio.shield(self._filling)

    async def close(self) -> None:
        """End all workers."""
        self._closed = True
        self._cancel_timer()
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
        for ready in self._ready.values():
            for waiting in ready:
                waiting.close()
        self._ready.clear()
        preparing = [*self._sessions.values()]
        for state in [*self._sessions]:
            self.forget(state)
        await asyncio.gather(*preparing, return_exceptions=True)
        if self._leaving:  # killed: they hold descriptors for a moment
            await asyncio.wait(self._leaving, timeout=_END_SECONDS)

    async def park(self, snapshot: Snapshot, *, on_demand: bool = False) -> Waiting:
        """Fork a worker and its VM. On demand it is not warmed up."""
        held, files = snapshot.held()
        child = await self._zygote.fork(held, files, snapshot.state)
        channel: AsyncChannel[Incoming] = AsyncChannel(child.sock, FromWorker)
        waiting = Waiting(child, channel)
        try:
            warmup = None if on_demand or self._learned(snapshot) else snapshot.warmup
            keys = snapshot.files()
            count = len(snapshot.code)
            request = Park(
                snapshot.state,
                tuple(key for key, _ in keys[:count]),
                tuple(key for key, _ in keys[count:]),
                pack_commands(snapshot.suspended),
                snapshot.eager,
                warmup.job() if warmup else None,
                snapshot.sessions,
                unhurried=not on_demand and self._calm(),
            )
            descriptors = [snapshot.fd, *(file.fd for key, file in keys if not key)]
            if warmup:
                descriptors += warmup.descriptors()
        except BaseException:
            waiting.close()
            raise
        hot = await self._parked(waiting, request, descriptors)
        snapshot.hot = snapshot.hot or hot
        return waiting

    async def _parked(
        self, waiting: Waiting, request: Park | Adopt | Touch, files: list[int]
    ) -> tuple[Run, ...]:
        """Have a worker get ready; what it says is hot. Any error closes it."""
        try:
            async with asyncio.timeout(_PARK_SECONDS):
                await waiting.channel.send(request, files)
                message, unasked = await waiting.channel.receive()
            channels.close_all(unasked)
            if isinstance(message, Raised):
                raise unpack_error(message)
            if not isinstance(message, Parked):
                raise ProtocolViolation(f"a worker sent {type(message).__name__}, not Parked")
            runs.check_units(message.hot)
            return message.hot
        except WorkerLost:
            waiting.close()
            text = "the process of a VM died before it was ready"
            raise WorkerLost(text, hint=KILLED) from None
        except TimeoutError:
            waiting.close()
            text = f"a VM was not ready after {_PARK_SECONDS:g} s"
            raise HostError(text, hint="close programs, then try again") from None
        except BaseException:
            waiting.close()
            raise

    def _vm(self, waiting: Waiting, snapshot: Snapshot) -> Vm:
        suspended = snapshot.suspended
        return Vm(waiting.child, waiting.channel, suspended, self._vm_closed, waiting.memory)

    def _vm_closed(self, gone: Gone | None) -> None:
        if gone is not None:
            self._leaving.add(gone)
            gone.add_done_callback(self._leaving.discard)
        self._busy = asyncio.get_running_loop().time()
        self._refill_in(_AFTER_CLOSE)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refill_in(self, seconds: float) -> None:
        """Look for missing workers after a while; an earlier time wins."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._cancel_timer()
        self._timer = loop.call_later(seconds, self._start_filling)

    def _start_filling(self, *, whole: bool = False) -> None:
        self._cancel_timer()
        if self._filling is None and not self._closed:
            self._filling = asyncio.create_task(self._fill(whole))

    async def _fill(self, whole: bool) -> None:
        """Park up to ``_LOW`` workers each at once, the rest when no cell runs, or ``whole``."""
        try:
            with told("making VMs ahead"):
                await self._make_missing(whole)
        except HypercellError:
            pass  # the next acquire makes its VM itself, and says what is wrong
        finally:
            self._filling = None

    async def _make_missing(self, whole: bool) -> None:
        while not self._closed and (snapshot := self._wanted(whole)) is not None:
            parking = self._soon[snapshot] = asyncio.ensure_future(self.park(snapshot))
            try:
                waiting = await parking
            finally:
                self._soon.pop(snapshot, None)
            ready = self._ready.get(snapshot)
            if ready is None:
                waiting.close()
            else:
                ready.append(waiting)
        if self._wanted(whole=True) is not None:
            self._refill_in(_PAUSE)

    def _learned(self, snapshot: Snapshot) -> bool:
        """Of VMs for sessions one is warmed up, in a pause, to learn what is hot."""
        return snapshot.sessions and (bool(snapshot.hot) or not self._calm())

    def _calm(self) -> bool:
        return asyncio.get_running_loop().time() >= self._busy + _PAUSE

    def _wanted(self, whole: bool) -> Snapshot | None:
        """A snapshot that has too few workers."""
        whole = whole or self._calm()
        found = None
        for snapshot, ready in self._ready.items():
            if whole:  # else cells come in a row, and whoever takes one looks as well
                for waiting in [waiting for waiting in ready if not waiting.usable()]:
                    ready.remove(waiting)
                    waiting.close()
            if len(ready) < min(snapshot.parked, 1 if snapshot.sessions else _LOW):
                return snapshot
            if whole and len(ready) < snapshot.parked:
                found = found or snapshot
        return found


def _close_made(preparing: asyncio.Task[Waiting]) -> None:
    """A VM was prepared that nobody wants any more."""
    if not preparing.cancelled() and preparing.exception() is None:
        preparing.result().close()
