"""Runs a cell of an interpreter: forks the session's state, calls, and keeps what came of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel.errors import CellException
from hypercell.kernel.home import Home
from hypercell.kernel.languages.base import BuildContext, Cell, Interpreter
from hypercell.kernel.result import OnEvent, OnStdin, Stream
from hypercell.kernel.run import HOME, check_end, quota
from hypercell.kernel.states import UNKNOWN_HOME, State, States
from hypercell.vmm import abi
from hypercell.vmm import commands as c
from hypercell.vmm.errors import ExitStatus, HypercellError, ProtocolViolation
from hypercell.vmm.program import Limits

if TYPE_CHECKING:
    from hypercell.kernel.session import Session
    from hypercell.vmm import Hypervisor, Layer, Vm
    from hypercell.vmm.vm_snapshot import Snapshot


class Interpretation:
    """One cell."""

    def __init__(self, session: Session, language: Interpreter, cell: Cell) -> None:
        self._session = session
        self._language = language
        self._cell = cell

    async def run(
        self,
        context: BuildContext,
        on_event: OnEvent,
        on_stdin: OnStdin | None,
        running: Callable[[Vm | None], None],
    ) -> None:
        """Run the cell to its end; what it left behind is kept after the reply.

        Raises what ended the cell. An exception of the language is a clean end: what ran before
        it stays. ``running`` is told of the VM and of its end.
        """
        states = await states_of(self._session, self._language, context)
        await states.lock.acquire()
        handed_over = False
        try:
            if states.problem:
                on_event(Stream("stderr", f"{states.problem}\n".encode()))
                states.problem = ""
            fresh = self._cell.options.fresh
            state = states.runtime if fresh else states.current
            home_before = dict(context.home.entries())
            version = context.home.version
            mounted = [] if _knows(state, context.home) else [context.home.layer()]
            home_mounted = home_before if mounted else state.home_mounted
            grants = self._session.grants() if state is states.runtime else []
            packages = self._session.packages.layers[:]
            grants = [*grants, *packages[state.packages :]]
            vm = await context.hypervisor.acquire(state.snapshot)
            try:
                running(vm)
                error = await self._call(
                    vm, mounted, grants, _left(context.limits, state, states), on_event, on_stdin
                )
                delta = await vm.export_home() or b""
                running(None)
                if not fresh:
                    alone = context.home.version == version
                    # Of files that were made and deleted since the mount the guest says nothing.
                    await self._session.keep(delta, home_mounted if alone else None)
                    after = context.home.version
                    alone = alone and after <= version + 1
                    added = [*grants, *(layer for layer in mounted if layer is not None)]
                    make = functools.partial(
                        State,
                        self._cell.label,
                        memory=vm.usage.linear_memory,
                        packages=len(packages),
                        home=after if alone else UNKNOWN_HOME,
                        home_mounted=home_mounted,
                        home_before=home_before,
                    )
                    layers = [*state.snapshot.layers, *added]
                    handed_over = True
                    self._session.later(_commit(context.hypervisor, states, vm, layers, make))
            finally:
                running(None)
                if not handed_over:
                    vm.close()
        finally:
            if not handed_over:
                states.lock.release()
        if error is not None:
            raise error

    async def _call(
        self,
        vm: Vm,
        mounted: list[Layer | None],
        grants: list[Layer],
        limits: Limits,
        on_event: OnEvent,
        on_stdin: OnStdin | None,
    ) -> CellException | None:
        """Run the commands of the cell; the language's own error, or None."""
        commands: list[c.Command] = [quota(limits)]
        commands += [c.Mount("/", number, abi.MOUNT_LAYER) for number in range(len(grants))]
        layers = [*grants, *(layer for layer in mounted if layer is not None)]
        home = len(grants) if len(layers) > len(grants) else None
        if mounted:
            commands.append(c.Mount(HOME, home, abi.MOUNT_HOME))
        commands += [self._language.call(self._cell), c.Export()]
        listener = self._language.listener(on_event)
        replies = await vm.run(
            commands,
            layers=layers,
            limits=limits,
            on_output=listener,
            on_stdin=on_stdin,
            keep=not self._cell.options.fresh,
        )
        last = replies[-1] if replies else None
        if last is None or len(replies) > len(commands):
            raise ProtocolViolation(f"{len(replies)} replies to {len(commands)} commands")
        if not isinstance(last, c.Ok):
            check_end(commands[len(replies) - 1], last, limits, vm.usage)
            raise ExitStatus(
                "the interpreter itself ended, with exit code 0",
                code=0,
                hint="os._exit ends it; sys.exit only the cell",
            )
        if len(replies) != len(commands):
            raise ProtocolViolation(f"only {len(replies)} replies to {len(commands)} commands")
        answer = replies[-2]
        assert isinstance(answer, c.Ok)  # noqa: S101 (only the last one may be anything else)
        return self._language.ended(answer.text)


async def _commit(
    hypervisor: Hypervisor,
    states: States,
    vm: Vm,
    layers: Sequence[Layer],
    state: Callable[[Snapshot], State],
) -> None:
    """Take the snapshot while the reply is on its way; the next cell waits for it."""
    try:
        snapshot = await hypervisor.commit(
            vm, code=states.runtime.snapshot.code, layers=layers, name="session", eager=True
        )
        states.add(state(snapshot))
    except (HypercellError, OSError) as error:
        states.problem = (
            f"What the last cell left could not be kept ({error}): variables are as before it."
        )
    finally:
        vm.close()
        states.lock.release()


async def states_of(session: Session, language: Interpreter, context: BuildContext) -> States:
    """The states of a language in a session, made at its first cell."""
    found = session.states.get(language.name)
    if found is None:
        runtime = await language.runtime(context)
        found = session.states.setdefault(language.name, States(context.hypervisor, runtime))
    return found


def _knows(state: State, home: Home) -> bool:
    """Whether the guest's /home is the session's already."""
    return state.home == home.version or (state.home == UNKNOWN_HOME and not home.entries())


def _left(limits: Limits, state: State, states: States) -> Limits:
    """A cell may take what the session's memory has not taken yet."""
    grown = max(state.memory - states.runtime.memory, 0)
    return msgspec.structs.replace(limits, memory=max(limits.memory - grown, 0))
