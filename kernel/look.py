"""Asks an interpreter about the session's variables, in a fork of its state that is thrown away.

Whatever the answer's code does, the session does not see it: the VM has a second, little memory
and no input, its output is dropped, and nothing of it is kept.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from hypercell.kernel.answers import Answer, Question
from hypercell.kernel.languages.base import Interpreter
from hypercell.vmm import commands as c
from hypercell.vmm.errors import HypercellError
from hypercell.vmm.program import MIB, Limits

if TYPE_CHECKING:
    from hypercell.kernel.session import Session

SECONDS = 2.0
WAIT = 4.0  # for the commit of the cell before, and for a VM
LIMITS = Limits(wall=SECONDS, memory=64 * MIB, output=4 * MIB)
MAX_SOURCE = 200_000  # characters of a cell that are sent


async def look(session: Session, language: object, question: Question) -> Answer | None:
    """The answer; None if there is none to be had: nothing runs yet, a cell is running, it failed.

    Never raises: a question of the front end is no cell.
    """
    if (
        not isinstance(language, Interpreter)
        or session.busy
        or (hypervisor := session.started) is None
        or len(question.source) > MAX_SOURCE
    ):
        return None
    if not question.source.isascii():  # JSON may hold half a surrogate pair
        source = question.source.encode("utf-8", "replace").decode()
        question = msgspec.structs.replace(question, source=source)
    if (command := language.ask(question)) is None:
        return None
    try:
        async with asyncio.timeout(WAIT):
            states = session.states.get(language.name)
            if states is None:
                state = language.ready(hypervisor)
                if state is None:
                    return None
                vm = await hypervisor.acquire(state.place)
            else:
                async with states.lock:
                    vm = await hypervisor.acquire(states.current.place)
                session.later(states.ready())
    except (HypercellError, TimeoutError):
        return None
    try:
        async with asyncio.timeout(SECONDS + WAIT):
            replies = await vm.run([command], limits=LIMITS, on_output=lambda stream, data: None)
        reply = replies[-1]
        return language.answer(question, reply.text) if isinstance(reply, c.Ok) else None
    except (HypercellError, TimeoutError):
        return None
    finally:
        vm.close()
