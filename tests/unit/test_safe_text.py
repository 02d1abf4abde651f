"""Text of a guest cannot act in a terminal."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from hypercell.kernel.safe_text import (
    MAX_LINES,
    calmer_text,
    safe_name,
    safe_stream,
    safe_text,
    without_colours,
)

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SGR = re.compile(r"\x1b\[[0-9;:]{0,40}m")
STREAM = re.compile(r"\x1b\[([0-9;:]{0,40}m|[0-2]?K)")
TEXT = st.text(st.sampled_from("a\x1b[]0;m1KHJ\n\r\b\t\x07\x9b\x90\u202e"), max_size=40)


@given(TEXT)
@example("\x1b]0;title\x07")
@example("\x1b[2J\x1b[H")
@example("\x1b[31m red \x1b[0m")
@example("\x1b\x1b[0m")
@example("\x9b2J")
def test_no_control_character_gets_through(text: str) -> None:
    assert not CONTROLS.search(SGR.sub("", safe_text(text)))
    assert not CONTROLS.search(re.sub("[\r\b]", "", STREAM.sub("", safe_stream(text))))
    assert safe_name(text).isprintable() or "\u202e" not in safe_name(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", safe_name(text))


def test_colours_progress_bars_and_plain_text_stay() -> None:
    text = "\x1b[1;31mä\x1b[0m\n50%\r\x1b[K60%\b\t日本"
    assert safe_stream(text) == text
    assert safe_text("\x1b[31mx\x1b[0m\n") == "\x1b[31mx\x1b[0m\n"
    assert without_colours("\x1b[31mx\x1b[0m") == "x"


def test_the_rest_is_shown() -> None:
    assert safe_stream("\x1b]52;c;x\x07") == "␛]52;c;x␇"
    assert safe_name("a\nb\x1b[2J") == "a\\nb\\x1b[2J"
    assert safe_name("x" * 300).endswith("…")


def test_a_page_gets_what_it_can_take() -> None:
    red = "\x1b[31mx\x1b[0m"
    assert calmer_text(red, 100) == red
    assert calmer_text("x" * 200, 100) == "x" * 100 + "\n… 100 more characters"
    assert calmer_text(red * 20_000, 1 << 20) == "x" * 20_000
    many = calmer_text("x\n" * (MAX_LINES * 2), 1 << 20)
    assert many.count("\n") == MAX_LINES
    assert many.endswith("more characters")
    assert calmer_text("https://a.example", 100) == "https://a.example"
    assert "https://" not in calmer_text("https://a.example\n" * 5000, 1 << 20)
    assert "\x07" not in calmer_text("\x1b]0;title\x07", 100)
