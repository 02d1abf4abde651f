"""Whether a console should run what was typed, or wait for more lines."""

from __future__ import annotations

from collections.abc import Mapping

from hypercell.kernel.cell import parse_cell
from hypercell.kernel.languages.base import Cell, Interpreter, Language
from hypercell.vmm.errors import HypercellError

MAX_CODE = 200_000  # characters
_C_COMMENTS = ("//", "/*", "*/")


def is_complete(code: str, *, languages: Mapping[str, Language], default: str) -> tuple[str, str]:
    """``complete``, ``incomplete``, ``invalid`` or ``unknown``, and the indent of the next line.

    In one pass, without any compiler: nothing that is typed makes it slow or deep.
    """
    if len(code) > MAX_CODE:
        return "unknown", ""
    try:
        parsed = parse_cell(code, languages=languages, default=default)
    except HypercellError:
        return "invalid", ""
    if parsed.body is None:
        return "complete", ""
    if not isinstance(parsed.body, Cell):
        return ("complete", "") if code.endswith("\n\n") else ("incomplete", "")
    source = parsed.body.source
    if code.lstrip().startswith("%%") and not source.strip():
        return "incomplete", ""
    language = languages.get(parsed.body.language)
    if isinstance(language, Interpreter):
        status = language.is_whole(source)
        return status, next_indent(source) if status == "incomplete" else ""
    depth = open_brackets(source, getattr(language, "comments", _C_COMMENTS))
    if depth > 0 or source.rstrip(" \t").endswith("\\"):
        return "incomplete", "  " * depth
    return "complete", ""


def next_indent(source: str) -> str:
    """What the line after an unfinished Python block or bracket should begin with."""
    line = source.rstrip().rpartition("\n")[2]
    indent = line[: len(line) - len(line.lstrip())]
    return indent + "    " if line.endswith((":", "(", "[", "{")) else indent


def open_brackets(source: str, comments: tuple[str, str, str]) -> int:
    """How many brackets are open at the end; a comment that is open counts as one."""
    line_comment, begin, end = comments
    depth = at = 0
    while at < len(source):
        char = source[at]
        if source.startswith(begin, at):
            close = source.find(end, at + len(begin))
            if close < 0:
                return depth + 1
            at = close + len(end)
        elif source.startswith(line_comment, at):
            close = source.find("\n", at)
            at = close if close >= 0 else len(source)
        elif char in "\"'" and (char == '"' or begin == "/*"):
            at = _after_string(source, at)
        else:
            depth += (char in "([{") - (char in ")]}")
            at += 1
    return depth


def _after_string(source: str, at: int) -> int:
    quote = source[at]
    at += 1
    while at < len(source) and source[at] not in (quote, "\n"):
        at += 2 if source[at] == "\\" else 1
    return at + 1
