"""The answers of a Python VM to what a front end asks: hostile JSON, taken apart and checked."""

from __future__ import annotations

import msgspec

from hypercell.kernel.answers import (
    MAX_MATCHES,
    MAX_NAME,
    MAX_SIGNATURE,
    MAX_TEXT,
    Answer,
    Failure,
    Match,
    Question,
)
from hypercell.kernel.safe_text import calmer_text, safe_name, safe_text
from hypercell.vmm.errors import ProtocolViolation

_TYPES = frozenset({"class", "function", "key", "keyword", "module", "param", "path", "property"})
_WHOLE = frozenset({"complete", "incomplete", "invalid"})


class _Match(msgspec.Struct, frozen=True):
    text: str
    type: str = ""
    signature: str = ""


class _Answer(msgspec.Struct, frozen=True):
    matches: list[_Match] = []
    start: int = 0
    text: str = ""
    failures: list[Failure] = []


def checked(question: Question, text: str) -> Answer:
    """The answer in the text of a reply. ProtocolViolation if it is none.

    A completion only goes on from what is typed, within its line: it cannot replace other text,
    and no character of it is invisible.
    """
    try:
        answer = msgspec.json.decode(text, type=_Answer)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise ProtocolViolation(f"the answer of the Python VM cannot be read: {error}") from None
    if question.what == "whole":
        if answer.text not in _WHOLE:
            raise ProtocolViolation("the Python VM does not say whether the cell is whole")
        return Answer(text=answer.text)
    if question.what == "expressions":
        return Answer(failures=tuple(map(_failure, answer.failures[:MAX_MATCHES])))
    if question.what == "inspect":
        return Answer(text=calmer_text(answer.text, MAX_TEXT))
    if not 0 <= answer.start <= question.cursor:
        raise ProtocolViolation("a completion begins outside of the cell")
    typed = question.source[answer.start : question.cursor]
    if "\n" in typed:
        raise ProtocolViolation("a completion replaces more than a line")
    matches = [
        Match(
            found.text,
            found.type if found.type in _TYPES else "instance",
            safe_name(found.signature, MAX_SIGNATURE),
        )
        for found in answer.matches[:MAX_MATCHES]
        if found.text.startswith(typed)
        and len(found.text) <= MAX_NAME + len(typed)
        and found.text.isprintable()
    ]
    return Answer(tuple(matches), answer.start)


def _failure(found: Failure) -> Failure:
    name = found.ename if found.ename.isidentifier() else "Exception"
    return Failure(
        found.number,
        safe_name(name, MAX_NAME),
        safe_text(found.evalue[:MAX_TEXT]),
        safe_text(found.traceback[:MAX_TEXT]),
    )
