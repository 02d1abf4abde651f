"""Text that a guest had a hand in, made safe to show: it must not act in a terminal or a page.

Colours and other SGR sequences may stay; every other escape sequence and control character is
shown instead of sent. Front ends escape HTML in text themselves.
"""

from __future__ import annotations

import re

_SGR = r"\x1b\[[0-9;:]{0,40}m"
_ERASE_LINE = r"\x1b\[[0-2]?K"  # progress bars
_BIDI = "\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c"
_TEXT_CONTROLS = re.compile(rf"({_SGR})|[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}]")
_STREAM_CONTROLS = re.compile(
    rf"({_SGR}|{_ERASE_LINE})|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)
_NAME_CONTROLS = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029{_BIDI}]")
_HOT = re.compile("[\x00-\x07\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def safe_name(text: str, limit: int = 200) -> str:
    """One line without any control character, at most ``limit`` characters."""
    shown = _NAME_CONTROLS.sub(lambda m: m[0].encode("unicode_escape").decode(), text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def safe_text(text: str) -> str:
    """Lines with colours; other control characters become visible."""
    return _TEXT_CONTROLS.sub(_visible, text)


def safe_stream(text: str) -> str:
    """Program output: colours, carriage return, backspace and erase-line stay as well."""
    if not _HOT.search(text):
        return text
    return _STREAM_CONTROLS.sub(_visible, text)


def without_colours(text: str) -> str:
    """The text without SGR sequences."""
    return re.sub(_SGR, "", text)


def _visible(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the Unicode picture of the control character
    return "\u2421" if code == 0x7F else "\ufffd"
