"""Answers in the name of its interpreter: displays and replies that are none.

Has: the source of a Python cell.
"""

from __future__ import annotations

from cells import Cells
from layers import Layer

from hypercell.kernel.errors import CellException
from hypercell.vmm.errors import ProtocolViolation, Trap

STOPPED_BY = (Layer.MAILBOX, Layer.HARMLESS, Layer.WASI, Layer.WASM)


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
        result = cell("%%python\n" + EMIT.format(record=record))
        assert isinstance(result.error, ProtocolViolation), record


def test_what_is_one_shows_text_and_no_more(cell: Cells) -> None:
    record = '{"kind": "display", "data": {"text/plain": "shown", "text/html": "<b>1</b>"}}'
    assert cell("%%python\n" + EMIT.format(record=record)).error is None


def test_the_reply_itself_may_be_changed_and_ends_the_cell_at_most(cell: Cells) -> None:
    for answer in ("'no json'", "'{}'", "5", "'x' * 30_000_000"):
        result = cell(
            "%%python\nimport sys, json\n"
            f"json.dumps = json.JSONEncoder.encode = lambda *a, **k: {answer}\n1"
        )
        assert result.error is None or isinstance(
            result.error, (ProtocolViolation, CellException, Trap)
        )
        cell("%reset")
