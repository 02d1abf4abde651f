"""Writes what a terminal or a browser would obey: titles, cursor moves, paste, links, scripts.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.safe_text import safe_stream

STOPPED_BY = (Layer.HARMLESS,)

SEQUENCES = (
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]8;;file:///etc/passwd\x1b\\\\here\x1b]8;;\x1b\\\\",
    "\x1b[2J\x1b[H",
    "\x1b[6n",
    "\x1bP+q544e\x1b\\\\",
    "\x9b31m",
    "\x90",
    "\u202e",
)
SCRIPT = "<script>parent.document</script><img src=x onerror=alert(1)>"


def test_a_program_says_what_it_likes_and_what_is_shown_is_text(cell: Cells) -> None:
    """Bytes go out as they are; on the way to anybody they pass ``safe_stream``."""
    for sequence in SEQUENCES:
        result = cell(f"%%python\nprint({sequence!r} + {SCRIPT!r}, end='')")
        assert result.error is None
        shown = safe_stream(result.stdout.decode("utf-8", "replace"))
        assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown), sequence
        assert SCRIPT in shown  # as text: a stream is never HTML


def test_colours_are_all_that_stays(cell: Cells) -> None:
    result = cell("%%python\nprint('\\x1b[31mred\\x1b[0m', end='')")
    assert safe_stream(result.stdout.decode()) == "\x1b[31mred\x1b[0m"
