"""The lexical shape of Python text with magics in it: where statements begin, what is left open.

In linear time and without CPython's compiler, so that it may read hostile text anywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# A line that is no Python: %magic, !command, ?object, x = %magic, x = !command, object?
# Possessive throughout: no text takes more than one pass.
ESCAPED = re.compile(
    r"[ \t]*+(?:"
    r"(?P<sign>%{1,2}|!{1,2}|\?{1,2})(?P<rest>[^\n]*+)"
    r"|(?P<target>[\w.,:\[\]'\"* \t]++)=[ \t]*+(?P<set>%(?!%)|!(?!=))(?P<value>[^\n]*+)"
    r"|(?P<object>%{0,2}[\w.*\[\]'\"]++)(?P<asked>\?{1,2})[ \t]*+;?+[ \t]*+(?=\n|\Z)"
    r")"
)
_TOKEN = re.compile(
    r"#[^\n]*|\"\"\"|'''|[\"']|[(\[{]|[)\]}]|\\\n|\n|\\",
)
# What is left of a string behind its opening quote; atomic, so that no text is slow.
_REST = {
    '"""': re.compile(r'(?>(?:[^"\\]++|\\.|"(?!""))*+)', re.DOTALL),
    "'''": re.compile(r"(?>(?:[^'\\]++|\\.|'(?!''))*+)", re.DOTALL),
    '"': re.compile(r'(?>(?:[^"\\\n]++|\\.)*+)', re.DOTALL),
    "'": re.compile(r"(?>(?:[^'\\\n]++|\\.)*+)", re.DOTALL),
}
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass
class Shape:
    """``starts``: offsets of logical lines; ``escaped``: (start, end) of those that are no Python.

    At the end of the text: ``brackets`` that are open, with their offsets; the quote of an open
    ``string`` ("" if none); ``continued``: a backslash ends it; ``comment``: it ends in one;
    ``wrong``: a bracket closes what was not open.
    """

    starts: list[int] = field(default_factory=list)
    escaped: list[tuple[int, int]] = field(default_factory=list)
    brackets: list[tuple[str, int]] = field(default_factory=list)
    string: str = ""
    string_at: int = -1
    continued: bool = False
    comment: bool = False
    wrong: bool = False


def scan(text: str) -> Shape:
    """The shape of ``text``."""
    shape = Shape()
    at = _begin(text, 0, shape)
    while at < len(text):
        match = _TOKEN.search(text, at)
        if match is None:
            break
        mark, at = match[0], match.end()
        if mark == "\n":
            if not shape.brackets:
                at = _begin(text, at, shape)
        elif mark in _REST:
            at = _string(text, at, mark, match.start(), shape)
        elif mark in "([{":
            shape.brackets.append((mark, match.start()))
        elif mark in _PAIRS:
            if shape.brackets and shape.brackets[-1][0] == _PAIRS[mark]:
                shape.brackets.pop()
            else:
                shape.wrong = True
        elif mark[0] == "#":
            shape.comment = at == len(text)
        elif mark[0] == "\\":
            shape.continued = at == len(text)
    return shape


def _begin(text: str, at: int, shape: Shape) -> int:
    """A logical line begins at ``at``: note it, pass over it if it is no Python."""
    while at < len(text):
        shape.starts.append(at)
        match = ESCAPED.match(text, at)
        if match is None:
            return at
        end = match.end()
        while text[end - 1 : end] == "\\" and end < len(text):  # joined with the next one
            following = text.find("\n", end + 1)
            end = following if following >= 0 else len(text)
        shape.escaped.append((at, end))
        if end >= len(text):
            return end
        at = end + 1
    return at


def _string(text: str, at: int, quote: str, start: int, shape: Shape) -> int:
    match = _REST[quote].match(text, at)
    end = match.end() if match else at
    if text.startswith(quote, end):
        return end + len(quote)
    if len(quote) == 3 or end >= len(text):
        shape.string, shape.string_at = quote, start
        return len(text)
    return end  # a quote that its line does not close: an error that Python will tell


def is_whole(text: str) -> str:
    """``complete``, ``incomplete`` or ``invalid``, as far as the shape shows it."""
    shape = scan(text)
    if shape.wrong or (shape.string and len(shape.string) == 1):
        return "invalid"
    if shape.brackets or shape.string or shape.continued:
        return "incomplete"
    last = text.rpartition("\n")[2]
    code = text.rstrip()
    if code.endswith(":"):
        return "incomplete"
    return "incomplete" if last[:1] in (" ", "\t") and last.strip() else "complete"
