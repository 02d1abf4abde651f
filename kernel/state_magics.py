"""The magics on the states of a session: back, forth, and side by side."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypercell.kernel.errors import UsageError
from hypercell.kernel.sizes import format_size
from hypercell.kernel.states import HISTORY_BYTES, HISTORY_COUNT, States
from hypercell.kernel.tables import table

if TYPE_CHECKING:
    from hypercell.kernel.session import Session

_NAME_MAX = 40


async def reset(session: Session, words: Sequence[str]) -> str:
    """Forget all states, empty /home; with ``-f``, as in IPython, only the variables."""
    if tuple(words) not in ((), ("-f",)):
        raise UsageError(f"%reset takes -f or nothing, but {words[0]!r} is there")
    for states in session.states.values():
        async with states.lock:
            states.clear()
    if words:
        return "no variables are left"
    session.home.clear()
    return "/home is empty" + ("; no variables are left" if session.states else "")


async def undo(session: Session, words: Sequence[str]) -> str:
    """Before the last cells."""
    count = _count("undo", words)
    states = _states(session, "there is nothing to undo")
    async with states.lock:
        session.home.restore(states.undo(count))
        states.prepare()
        return _where(states)


async def redo(session: Session, words: Sequence[str]) -> str:
    """After cells that were undone."""
    count = _count("redo", words)
    states = _states(session, "there is nothing to redo")
    async with states.lock:
        session.home.restore(states.redo(count))
        states.prepare()
        return _where(states)


async def fork(session: Session, words: Sequence[str]) -> str:
    """A further line."""
    name = _name("fork", words)
    states = _states(session, "there is nothing to fork")
    async with states.lock:
        states.fork(name, session.home.entries())
        return f"{name} begins after {states.current.label}; %switch {name} goes there"


async def switch(session: Session, words: Sequence[str]) -> str:
    """Another line."""
    name = _name("switch", words)
    states = _states(session, "there is no other line")
    async with states.lock:
        session.home.restore(states.switch(name, session.home.entries()))
        states.prepare()
        return _where(states)


async def snapshots(session: Session, words: Sequence[str]) -> str:
    """All states as a table."""
    if words:
        raise UsageError(f"%snapshots takes no arguments, but {words[0]!r} is there")
    rows: list[tuple[str, ...]] = [("", "after", "taken", "pages", "changed", "size")]
    for states in session.states.values():
        async with states.lock:
            rows.append(_row("", states.runtime.label, states.runtime.taken))
            for name, line in states.lines.items():
                here = states.line == name
                if len(states.lines) > 1:
                    rows.append(_row("", f"{name}:", None))
                for state in line.kept:
                    mark = "→" if here and state is states.current else ""
                    pages = getattr(state.place, "pages", 0), getattr(state.place, "changed", 0)
                    rows.append(
                        _row(mark, state.label, state.taken, *pages, format_size(state.place.size))
                    )
                for state in reversed(line.undone):
                    rows.append(_row("undone", state.label, state.taken))
    return table(rows) if len(rows) > 1 else "no cell has left variables yet"


def budget(session: Session) -> tuple[str, str]:
    """What the states take, and what they may."""
    count = sum(states.count for states in session.states.values())
    size = sum(states.bytes for states in session.states.values())
    return f"{count}, {format_size(size)}", f"{HISTORY_COUNT}, {format_size(HISTORY_BYTES)}"


def _row(mark: str, label: str, taken: float | None, *rest: object) -> tuple[str, ...]:
    when = "" if taken is None else time.strftime("%H:%M:%S", time.localtime(taken))
    filled = [str(item) for item in rest] + [""] * (3 - len(rest))
    return mark, label, when, *filled


def _where(states: States) -> str:
    return f"variables and /home are as they were after {states.current.label}"


def _states(session: Session, problem: str) -> States:
    states = next(iter(session.states.values()), None)
    if states is None:
        raise UsageError(problem, hint="only cells with variables leave states: Python's")
    return states


def _count(name: str, words: Sequence[str]) -> int:
    if len(words) > 1 or not all(
        word.isascii() and word.isdecimal() and len(word) < 9 for word in words
    ):
        raise UsageError(f"%{name} takes how many cells to {name}", hint=f"%{name}, or %{name} 3")
    return int(words[0]) if words else 1


def _name(magic: str, words: Sequence[str]) -> str:
    if len(words) != 1 or not words[0].isprintable() or len(words[0]) > _NAME_MAX:
        raise UsageError(f"%{magic} takes the name of a line", hint=f"%{magic} try-2")
    return words[0]
