"""Runs a cell of an interpreter: forks the session's state, calls, and keeps what came of it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel.errors import CellException
from hypercell.kernel.languages.base import BuildContext, Cell, Interpreter
from hypercell.kernel.result import OnEvent, OnStdin, Stream
from hypercell.kernel.run import HOME, check_end, quota
from hypercell.kernel.states import Files, State, States
from hypercell.vmm import abi
from hypercell.vmm import commands as c
from hypercell.vmm.errors import ExitStatus, HypercellError
from hypercell.vmm.program import Limits

if TYPE_CHECKING:
    from hypercell.kernel.session import Session
    from hypercell.vmm import Layer, Vm

_REPLY_SECONDS = 0.0007  # then most of a reply is on its way


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
            hurry = states.in_a_row
            state = states.runtime if fresh else states.current
            before, version = context.home.entries(), context.home.version
            mounted = [] if state.knows(before) else [context.home.layer()]
            home_mounted = before if mounted else state.home_mounted
            grants = self._session.grants() if state is states.runtime else []
            packages = self._session.packages.layers[:]
            grants = [*grants, *packages[state.packages :]]
            vm = await context.hypervisor.acquire(state.place, lasting=not fresh)
            try:
                running(vm)
                error = await self._call(
                    vm,
                    mounted,
                    grants,
                    _left(context.limits, state, states),
                    on_event,
                    on_stdin,
                    hurry=hurry,
                )
                delta = await vm.export_home() or b""
                running(None)
                if not fresh:
                    alone = context.home.version == version
                    # Of files that were made and deleted since the mount the guest says nothing.
                    await self._session.keep(delta, home_mounted if alone else None)
                    alone = alone and context.home.version <= version + 1
                    make = functools.partial(
                        State,
                        self._cell.label,
                        memory=vm.usage.linear_memory,
                        packages=len(packages),
                        in_step=alone,
                        home_mounted=home_mounted,
                    )
                    after = context.home.entries()
                    commit = Commit(context, states, state, vm, grants, before, after, make, hurry)
                    handed_over = True
                    self._session.commit(commit.run())
            finally:
                running(None)
                if not handed_over:
                    vm.close()
        finally:
            if not handed_over:
                self._session.commit(_go_on(states))
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
        *,
        hurry: bool,
    ) -> CellException | None:
        """Run the commands of the cell; the language's own error, or None."""
        commands: list[c.Command] = [quota(limits)]
        commands += [c.Mount("/", number, abi.MOUNT_LAYER) for number in range(len(grants))]
        layers = [*grants, *(layer for layer in mounted if layer is not None)]
        home = len(grants) if len(layers) > len(grants) else None
        if mounted:
            commands.append(c.Mount(HOME, home, abi.MOUNT_HOME_COPY))
        commands += [self._language.call(self._cell), c.Export()]
        listener = self._language.listener(on_event)
        replies = await vm.run(
            commands,
            layers=layers,
            limits=limits,
            on_output=listener,
            on_stdin=on_stdin,
            keep=not self._cell.options.fresh,
            hurry=hurry,
            passing=len(layers) - len(grants),
        )
        last = replies[-1]
        if not isinstance(last, c.Ok):
            check_end(commands[len(replies) - 1], last, limits, vm.usage)
            raise ExitStatus(
                "the interpreter itself ended, with exit code 0",
                code=0,
                hint="os._exit ends it; sys.exit only the cell",
            )
        answer = replies[-2]
        assert isinstance(answer, c.Ok)  # noqa: S101 (only the last one may be anything else)
        return self._language.ended(answer.text)


@dataclass(frozen=True)
class Commit:
    """Keeps what a cell left, while its reply is on its way; the next cell waits for it."""

    context: BuildContext
    states: States
    parent: State
    vm: Vm
    layers: Sequence[Layer]
    before: Files
    after: Files
    make: Callable[..., State]
    hurry: bool

    async def run(self) -> None:
        """Variables and /home are either both the cell's afterwards, or both as before it."""
        states = self.states
        try:
            if not self.hurry:  # let the reply have the processors
                await asyncio.sleep(_REPLY_SECONDS)
            place = await self.context.hypervisor.commit(self.vm, self.parent.place, self.layers)
            state = self.make(place=place, home_before=self.before, home_after=self.after)
        except (HypercellError, OSError) as error:
            self.context.home.take_back(self.before, self.after)
            states.problem = (
                f"What the last cell left could not be kept ({error}): "
                "variables and /home are as before it."
            )
        else:
            states.add(state)
        finally:
            self.vm.close()
            states.release()


async def _go_on(states: States) -> None:
    """Nothing is kept: have a VM ready where the next cell begins."""
    try:
        states.prepare()
    finally:
        states.release()


async def states_of(session: Session, language: Interpreter, context: BuildContext) -> States:
    """The states of a language in a session, made at its first cell."""
    name = getattr(language, "state_of", language.name)  # some share another's interpreter
    found = session.states.get(name)
    if found is None:
        runtime = await language.runtime(context)
        found = session.states.setdefault(name, States(context.hypervisor, runtime))
    return found


def _left(limits: Limits, state: State, states: States) -> Limits:
    """A cell may take what the session's memory has not taken yet."""
    grown = max(state.memory - states.runtime.memory, 0)
    return msgspec.structs.replace(limits, memory=max(limits.memory - grown, 0))
