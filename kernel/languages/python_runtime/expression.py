"""What the cursor stands at: the Python expression before it, and the call around it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hypercell.kernel.languages.python_runtime.scan import scan

_NAME = re.compile(r"[^\W\d]\w*\Z")
_TAIL = re.compile(r"\w*\Z")
_NUMBER = re.compile(r"(?<![\w.])\d[\d_]*\.\Z")
_CLOSING = {")": "(", "]": "[", "}": "{"}
MAX_CODE = 200_000  # characters before the cursor that are looked at


@dataclass
class Cursor:
    """``word``: the identifier that ends at the cursor; ``owner``: the expression before its dot.

    ``call``: the expression before the innermost open ``(``. ``subscript``: before the innermost
    open ``[``, with ``string`` the quote and ``typed`` the text after it if a string is open.
    ``statement``: the logical line up to the cursor.
    """

    word: str
    owner: str
    call: str
    subscript: str
    string: str
    typed: str
    statement: str
    comment: bool


def at_cursor(before: str) -> Cursor:
    """``before``: the cell up to the cursor."""
    before = before[-MAX_CODE:]
    shape = scan(before)
    start = shape.starts[-1] if shape.starts else 0
    if shape.escaped and shape.escaped[-1][1] == len(before):  # the rest of a magic's line
        line = before[shape.escaped[-1][0] :]
        match = re.match(r"\s*(?:[^=%]*=\s*)?%\w+((?:\s+-\w+(?:\s+\d+)?)*)\s+", line)
        return at_cursor(line[match.end() :] if match else "")
    if string := shape.string:
        opened = shape.string_at
        typed, head = before[opened + len(string) :], before[:opened].rstrip("rRbBuU")
        inner = scan(head)
        sub = ""
        call = ""
        if inner.brackets:
            bracket, at = inner.brackets[-1]
            between = head[at + 1 :].strip()
            if bracket == "[" and not between:
                sub = primary_before(head, at)
            elif bracket == "(":
                call = primary_before(head, at)
        return Cursor("", "", call, sub, string, typed, head[start:], False)
    word = (_TAIL.search(before) or [""])[0]
    rest = before[: len(before) - len(word)]
    owner = ""
    if rest.rstrip().endswith(".") and not _NUMBER.search(rest):
        stripped = rest.rstrip()
        owner = primary_before(stripped, len(stripped) - 1)
    call = subscript = ""
    if shape.brackets:
        bracket, at = shape.brackets[-1]
        if bracket == "(":
            call = primary_before(before, at)
        elif bracket == "[" and not before[at + 1 :].strip():
            subscript = primary_before(before, at)
    return Cursor(word, owner, call, subscript, "", "", before[start:], shape.comment)


def primary_before(text: str, end: int) -> str:
    """The longest primary (name, attribute, call, subscript, literal) that ends at ``end``."""
    at = end
    while at > 0:
        at = len(text[:at].rstrip())
        while at > 0 and text[at - 1] in _CLOSING:
            at = _opening(text, at - 1)
            if at < 0:
                return ""
        if at > 0 and text[at - 1] in "\"'" and at != end + 1:
            return text[max(_string_start(text, at - 1), 0) : end].strip()
        match = _TAIL.search(text, max(0, at - 200), at)
        if match is not None:
            at = match.start()
        if at == 0 or text[at - 1] != "." or (match is not None and not match[0]):
            break
        at -= 1
    return text[at:end].strip()


def _opening(text: str, close: int) -> int:
    """The offset of the bracket that ``text[close]`` closes, or -1."""
    line = max(0, close - 5000)
    shape = scan(text[line:close])
    wanted = _CLOSING[text[close]]
    if shape.brackets and shape.brackets[-1][0] == wanted:
        return line + shape.brackets[-1][1]
    return -1


def _string_start(text: str, close: int) -> int:
    """Where the string that ends at ``close`` begins, or -1; within its line."""
    quote = text[close]
    at = close - 1
    while at >= 0 and text[at] != "\n":
        if text[at] == quote and text[at - 1 : at] != "\\":
            return at
        at -= 1
    return -1


def word_at(code: str, cursor: int) -> str:
    """The dotted name under the cursor; where there is none, the function whose call is open."""
    end = cursor
    while end < len(code) and (code[end].isalnum() or code[end] == "_"):
        end += 1
    found = primary_before(code, end) if _NAME.search(code[:end]) else ""
    if found:
        return found
    return at_cursor(code[:cursor]).call
