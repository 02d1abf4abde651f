"""Text that a guest had a hand in, made safe to show: it must not act in a terminal or a page.

Colours and other SGR sequences may stay; every other escape sequence and control character is
shown instead of sent. Front ends escape HTML in text themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hypercell.kernel import runs

_SGR = r"\x1b\[[0-9;:]{0,40}m"
_ERASE_LINE = r"\x1b\[[0-2]?K"  # progress bars
_COLOURS = re.compile(f"({_SGR})")
_COLOURS_AND_ERASE = re.compile(f"({_SGR}|{_ERASE_LINE})")

# A page takes less than half a second for as many; beyond, text is shown without them.
MAX_COLOURS = 10_000
MAX_LINES = 50_000
MAX_LINKS = 2000

# Control characters become their Unicode pictures, and what turns text around becomes visible.
_BIDI = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_PICTURES = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    0x7F: "\u2421",
    **dict.fromkeys((*range(0x80, 0xA0), *_BIDI), "\ufffd"),
}
_TEXT = {code: shown for code, shown in _PICTURES.items() if chr(code) not in "\t\n"}
_STREAM = {code: shown for code, shown in _TEXT.items() if chr(code) not in "\r\b"}
_NAME = {code: chr(code).encode("unicode_escape").decode() for code in (*_PICTURES, 0x2028, 0x2029)}


def safe_name(text: str, limit: int = 200) -> str:
    """One line without any control character, at most ``limit`` characters."""
    shown = text.translate(_NAME)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def safe_text(text: str) -> str:
    """Lines with colours; other control characters become visible."""
    return _visible(text, _COLOURS, _TEXT)


def safe_stream(text: str) -> str:
    """Program output: colours, carriage return, backspace and erase-line stay as well."""
    return _visible(text, _COLOURS_AND_ERASE, _STREAM)


def calmer_text(text: str, limit: int) -> str:
    """``safe_text`` that a page can take: bounded; colours and links only if they are not many."""
    kept = runs.cut(text[:limit], runs.MAX_RUNS)
    if kept.count("\n") > MAX_LINES:
        kept = "\n".join(kept.split("\n", MAX_LINES)[:MAX_LINES])
    if len(kept) < len(text):
        kept += f"\n… {len(text) - len(kept)} more characters"
    if kept.count("\x1b[") > MAX_COLOURS:
        kept = without_colours(kept)
    return safe_text(without_links(kept) if links(kept) > MAX_LINKS else kept)


def links(text: str) -> int:
    """How many addresses a front end may make links of."""
    return text.count("://") + text.count("www.")


def without_links(text: str) -> str:
    """It looks the same, by zero-width spaces, and a front end makes no links of it."""
    return text.replace("://", ":\u200b//").replace("www.", "www\u200b.")


def without_colours(text: str) -> str:
    """The text without SGR sequences."""
    return _COLOURS.sub("", text)


def _visible(text: str, kept: re.Pattern[str], table: Mapping[int, str]) -> str:
    if "\x1b" not in text:
        return text.translate(table)
    pieces = kept.split(text)  # what is kept has the odd numbers
    pieces[::2] = [piece.translate(table) for piece in pieces[::2]]
    return "".join(pieces)
