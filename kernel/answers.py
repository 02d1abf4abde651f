"""What a VM answers to a front end's questions: hostile, for it goes into the reader's editor."""

from __future__ import annotations

import msgspec

MAX_MATCHES = 500
MAX_NAME = 200  # characters of a match
MAX_SIGNATURE = 300
MAX_TEXT = 64_000  # characters of an inspection


class Match(msgspec.Struct, frozen=True):
    """One completion: what replaces the text before the cursor, and what it is."""

    text: str
    type: str = ""
    signature: str = ""


class Failure(msgspec.Struct, frozen=True):
    """An expression that has no value; ``number`` counts from 0."""

    number: int
    ename: str = "Exception"
    evalue: str = ""
    traceback: str = ""


class Question(msgspec.Struct, frozen=True):
    """``what``: "complete", "inspect" or "whole"; ``cursor`` counts characters of ``source``.

    Or "expressions", with a list of them as JSON: their values come as displays.
    """

    what: str
    source: str
    cursor: int = 0
    detail: int = 0


class Answer(msgspec.Struct, frozen=True):
    """``matches`` replace the characters from ``start`` up to the cursor; or a ``text``; or the
    ``failures`` of expressions.
    """

    matches: tuple[Match, ...] = ()
    start: int = 0
    text: str = ""
    failures: tuple[Failure, ...] = ()
