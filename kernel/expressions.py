"""The ``user_expressions`` of an execute request: what they are worth in the state after the cell.

They are evaluated in a fork of it that is thrown away, as questions of a front end are: whatever
an expression does, the session does not see it, and what it prints is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from hypercell.kernel.answers import Answer, Question
from hypercell.kernel.display.bundle import Shower
from hypercell.kernel.interpret import states_of
from hypercell.kernel.languages.base import Interpreter
from hypercell.kernel.look import LIMITS, SECONDS, WAIT
from hypercell.kernel.result import Display, Event
from hypercell.kernel.safe_text import safe_name
from hypercell.vmm import commands as c
from hypercell.vmm.errors import HypercellError

if TYPE_CHECKING:
    from hypercell.kernel.session import Session

_MOST = 100
_LONGEST = 10_000  # characters of one


async def evaluate(session: Session, expressions: object, shower: Shower) -> dict[str, Any]:
    """The value of each, or its error, as the protocol has them. Never raises."""
    if not isinstance(expressions, Mapping):
        return {}
    names = [str(name) for name in expressions][:_MOST]
    texts = [str(text)[:_LONGEST] for text in expressions.values()][:_MOST]
    if not names:
        return {}
    ids = {str(number): number for number in range(len(names))}
    shown: dict[int, Display] = {}

    def take(event: Event) -> None:
        if isinstance(event, Display) and event.id in ids:
            shown[ids[event.id]] = event

    why = f"no answer: an expression may take {SECONDS:g} s and {LIMITS.memory >> 20} MiB"
    answer = Answer()
    try:
        answer = await _ask(session, texts, take)
    except TimeoutError:
        pass
    except HypercellError as error:
        why = error.message
    failed = {failure.number: failure for failure in answer.failures}
    found: dict[str, Any] = {}
    for number, name in enumerate(names):
        if number in failed:
            one = failed[number]
            found[name] = _error(one.ename, one.evalue, one.traceback.split("\n"))
        elif number in shown:
            bundle = shown[number]
            data, metadata = await shower.show(f"\0{number}", bundle.data, bundle.metadata)
            found[name] = {"status": "ok", "data": data, "metadata": metadata}
        else:
            found[name] = _error("HypercellError", why, [why])
    return found


async def _ask(session: Session, texts: list[str], take: Any) -> Answer:
    language = session.languages.get(session.config.language)
    if not isinstance(language, Interpreter):
        raise HypercellError(f"{safe_name(session.config.language)} has no expressions")
    source = msgspec.json.encode([text.encode("utf-8", "replace").decode() for text in texts])
    question = Question("expressions", source.decode())
    command = language.ask(question)
    if command is None:
        raise HypercellError(f"{language.title} has no expressions")
    hypervisor = await session.hypervisor()
    context = session.context(hypervisor, session.config.limits, session.home)
    states = await states_of(session, language, context)
    async with asyncio.timeout(WAIT):
        async with states.lock:
            vm = await hypervisor.acquire(states.current.place)
        session.later(states.ready())
    try:
        async with asyncio.timeout(SECONDS + WAIT):
            replies = await vm.run([command], limits=LIMITS, on_output=language.listener(take))
        reply = replies[-1] if replies else None
        return language.answer(question, reply.text) if isinstance(reply, c.Ok) else Answer()
    finally:
        vm.close()


def _error(ename: str, evalue: str, traceback: list[str]) -> dict[str, Any]:
    return {"status": "error", "ename": ename, "evalue": evalue, "traceback": traceback}
