"""Answers in the name of its interpreter: displays and replies that are none.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.vmm.errors import HypercellError, ProtocolViolation, Trap

STOPPED_BY = (Layer.MAILBOX, Layer.WASM, Layer.HARMLESS)


EMIT = "from wit_world.imports import display as _d\n_d.emit({record!r})"
RECORDS = (
    "no json",
    "[]",
    '{"kind": "payload", "data": {"x": 1}}',
    '{"kind": "display", "data": 5}',
    '{"kind": "update", "data": {}, "id": "' + "x" * 300 + '"}',
)


def test_what_is_no_record_ends_the_cell(cell: Cells) -> None:
    for record in RECORDS:
        text = "%%python\n" + EMIT.format(record=record)
        cell.refused(text, ProtocolViolation, "a display record cannot be read")


def test_what_is_one_shows_text_and_no_more(cell: Cells) -> None:
    record = '{"kind": "display", "data": {"text/plain": "shown", "text/html": "<b>1</b>"}}'
    assert cell("%%python\n" + EMIT.format(record=record)).error is None


ANSWERS: tuple[tuple[str, type[HypercellError], str], ...] = (
    ("'no json'", ProtocolViolation, "a display record cannot be read"),
    ("'{}'", ProtocolViolation, "a display record cannot be read"),
    ("5", Trap, "unreachable code was reached"),
    ("'x' * 30_000_000", Trap, "too much data is being copied"),
)


def test_the_reply_itself_may_be_changed_and_ends_the_cell(cell: Cells) -> None:
    for answer, error, match in ANSWERS:
        text = "%%python\nimport sys, json\n"
        text += f"json.dumps = json.JSONEncoder.encode = lambda *a, **k: {answer}\n1"
        cell.refused(text, error, match)
        cell("%reset")
