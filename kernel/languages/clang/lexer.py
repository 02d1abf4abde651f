"""Enough of C's lexical rules to find braces, names and preprocessor lines.

Positions are offsets into the source, so that what is cut out can be replaced by blanks and every
line and column stays where the user wrote it.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    NUMBER = "number"
    TEXT = "text"  # a string or character literal
    MARK = "mark"  # punctuation, one character, but for ``::`` and ``->``
    DIRECTIVE = "directive"  # a whole preprocessor line, continuations included


class Token(msgspec.Struct, frozen=True):
    """``text`` is source[start:end]."""

    kind: Kind
    text: str
    start: int
    end: int


_SPACE = re.compile(r"(?:[ \t\v\f\r\n]|\\\r?\n)+")
_COMMENT = re.compile(r"//(?:\\\r?\n|[^\n])*|/\*.*?(?:\*/|\Z)", re.S)
_STRING = r"\"(?:\\.|[^\"\\\n])*(?:\"|(?=\n)|\Z)"
_CHARACTER = r"'(?:\\.|[^'\\\n])*(?:'|(?=\n)|\Z)"
_TEXT = re.compile(rf"(?:u8|[uUL])?(?:{_STRING}|{_CHARACTER})", re.S)
_NAME = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"\.?\d(?:[eEpP][+-]|[\w.]|'(?=\w))*")
_MARK = re.compile(r"::|->|.", re.S)
_DIRECTIVE_PART = re.compile(
    rf"{_COMMENT.pattern}|{_STRING}|{_CHARACTER}|\\\r?\n|[^\n]",
    re.S,
)


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


def tokens(source: str) -> list[Token]:
    """Tokens of a source, without white space and comments. Never fails: C errors are clang's."""
    found: list[Token] = []
    at, line_start = 0, True
    while at < len(source):
        space = _SPACE.match(source, at)
        if space:
            line_start = line_start or "\n" in space[0]
            at = space.end()
            continue
        comment = _COMMENT.match(source, at)
        if comment:
            at = comment.end()
            continue
        if source[at] == "#" and line_start:
            end = _directive_end(source, at)
            found.append(Token(Kind.DIRECTIVE, source[at:end], at, end))
            at, line_start = end, True
            continue
        for kind, pattern in _KINDS:
            match = pattern.match(source, at)
            if match:
                found.append(Token(kind, match[0], at, match.end()))
                at = match.end()
                break
        line_start = False
    return found


_KINDS = ((Kind.TEXT, _TEXT), (Kind.NAME, _NAME), (Kind.NUMBER, _NUMBER), (Kind.MARK, _MARK))


def _directive_end(source: str, at: int) -> int:
    """Offset of the newline that ends a preprocessor line, or of the end of the source."""
    while at < len(source) and source[at] != "\n":
        part = _DIRECTIVE_PART.match(source, at)
        at = part.end() if part else at + 1
    return at


def directive(token: Token) -> tuple[str, str]:
    """Name and rest of a preprocessor line: ("define", "N 3")."""
    found = re.match(r"#\s*(\w*)\s*(.*)", token.text, re.S)
    return (found[1], found[2].strip()) if found else ("", "")


def blank(source: str, start: int, end: int) -> str:
    """The piece with every character but line ends replaced by a space."""
    return re.sub(r"[^\n\t]", " ", source[start:end])
