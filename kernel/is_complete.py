"""Whether a console should run what was typed, or wait for more lines."""

from __future__ import annotations

from collections.abc import Mapping

from hypercell.kernel.cell import parse_cell
from hypercell.kernel.languages.base import Cell, Language
from hypercell.vmm.errors import HypercellError

_C_COMMENTS = ("//", "/*", "*/")


def is_complete(code: str, *, languages: Mapping[str, Language], default: str) -> tuple[str, str]:
    """``complete``, ``incomplete`` or ``invalid``, and the indent of the next line."""
    try:
        parsed = parse_cell(code, languages=languages, default=default)
    except HypercellError:
        return "invalid", ""
    if parsed.body is None:
        return "complete", ""
    if not isinstance(parsed.body, Cell):
        return ("complete", "") if code.endswith("\n\n") else ("incomplete", "")
    source = parsed.body.source
    comments = getattr(languages.get(parsed.body.language), "comments", _C_COMMENTS)
    depth = open_brackets(source, comments)
    if depth > 0 or source.rstrip(" \t").endswith("\\"):
        return "incomplete", "  " * depth
    if code.lstrip().startswith("%%") and not source.strip():
        return "incomplete", ""
    return "complete", ""


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
