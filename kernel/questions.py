"""What a front end asks between cells: completion, inspection, whether a cell is whole.

What can be told from the text is told here; about the session's variables an interpreter is asked,
in a VM that is thrown away (``look.py``). Where that cannot be, the text's answer stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from hypercell.kernel.answers import Match, Question
from hypercell.kernel.complete import complete, language_of
from hypercell.kernel.inspection import inspect
from hypercell.kernel.is_complete import is_complete, next_indent
from hypercell.kernel.look import MAX_SOURCE, look

if TYPE_CHECKING:
    from hypercell.kernel.session import Session


class Found(msgspec.Struct, frozen=True):
    """Completions that replace the characters from ``start`` to ``end``."""

    matches: tuple[Match, ...]
    start: int
    end: int


class Questions:
    """About one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._languages = session.languages
        self._default = session.config.language

    async def complete(self, code: str, cursor: int) -> Found:
        """What could stand at ``cursor`` (a count of characters)."""
        static = complete(
            code,
            cursor,
            languages=self._languages,
            default=self._default,
            files=self._session.home.files(),
            lines=[name for states in self._session.states.values() for name in states.lines],
        )
        if static.in_code and len(code) <= MAX_SOURCE:
            question = Question("complete", code, static.end)
            answer = await look(self._session, self._language(code), question)
            if answer is not None:
                return Found(answer.matches, answer.start, static.end)
        kind = "keyword" if static.in_code else "magic"
        matches = tuple(Match(text, kind) for text in static.matches)
        return Found(matches, static.start, static.end)

    async def inspect(self, code: str, cursor: int, detail: int) -> str:
        """Plain text, or nothing."""
        text = inspect(code, cursor, languages=self._languages, default=self._default)
        if text or len(code) > MAX_SOURCE:
            return text
        cursor = max(0, min(cursor, len(code)))
        question = Question("inspect", code, cursor, int(bool(detail)))
        answer = await look(self._session, self._language(code), question)
        return answer.text if answer is not None else ""

    async def is_complete(self, code: str) -> tuple[str, str]:
        """``complete``, ``incomplete``, ``invalid`` or ``unknown``; the next line's indent."""
        status, indent = is_complete(code, languages=self._languages, default=self._default)
        if status != "complete" or not code.strip():
            return status, indent
        answer = await look(self._session, self._language(code), Question("whole", code))
        if answer is None:
            return status, indent
        return answer.text, next_indent(code) if answer.text == "incomplete" else ""

    def _language(self, code: str) -> object:
        return language_of(code, self._languages, self._default)


def completion_reply(found: Found) -> dict[str, Any]:
    """The protocol's complete_reply, with what each match is."""
    types = [
        {
            "start": found.start,
            "end": found.end,
            "text": match.text,
            "type": match.type,
            "signature": match.signature,
        }
        for match in found.matches
    ]
    return {
        "status": "ok",
        "matches": [match.text for match in found.matches],
        "cursor_start": found.start,
        "cursor_end": found.end,
        "metadata": {"_jupyter_types_experimental": types},
    }
