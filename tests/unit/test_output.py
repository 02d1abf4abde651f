"""Output on its way to the front end: soon, few messages, in order."""

from __future__ import annotations

import asyncio
from typing import Any

from hypercell.kernel.output import CellOutput
from hypercell.kernel.result import Progress, Shown, Stream


class Sent(list[tuple[str, dict[str, Any]]]):
    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        self.append((kind, content))

    def text(self, name: str = "stdout") -> str:
        return "".join(c["text"] for k, c in self if k == "stream" and c["name"] == name)


async def test_the_first_output_goes_at_once_and_the_rest_together() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    output(Stream("stdout", b"first"))
    assert len(sent) == 1
    for _ in range(100):
        output(Stream("stdout", b"x"))
    assert len(sent) == 1
    await asyncio.sleep(0.2)
    assert len(sent) == 2
    assert sent.text() == "first" + "x" * 100


async def test_the_order_of_both_streams() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    for data in (b"1", b"2", b"3"):
        output(Stream("stdout", data))
        output(Stream("stderr", data))
    output.finish(ok=True)
    assert [(c["name"], c["text"]) for _, c in sent] == [
        *[("stdout", "1"), ("stderr", "1"), ("stdout", "2")],
        *[("stderr", "2"), ("stdout", "3"), ("stderr", "3")],
    ]


async def test_a_flood_of_changes_is_few_messages() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    for _ in range(10_000):
        output(Stream("stdout", b"a"))
        output(Stream("stderr", b"b"))
    output.finish(ok=True)
    assert len(sent) < 500
    assert sent.text("stdout") == "a" * 10_000
    assert sent.text("stderr") == "b" * 10_000


async def test_characters_and_escapes_cut_in_two() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    for byte in "ä\x1b[31m日\x1b[0m\x1b]0;x".encode():
        output(Stream("stdout", bytes([byte])))
        output.flush()
    output(Stream("stdout", b"\xff\xc3"))
    output.finish(ok=True)
    assert sent.text() == "ä\x1b[31m日\x1b[0m␛]0;x\ufffd\ufffd"


async def test_large_output_in_bounded_messages() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    output(Stream("stdout", b"x" * 1_000_000))
    output.finish(ok=True)
    assert len(sent) == 4
    assert len(sent.text()) == 1_000_000


async def test_the_last_shown_text_is_the_result() -> None:
    sent = Sent()
    output = CellOutput(sent, 7)
    output(Shown("one"))
    output(Shown("two"))
    output.finish(ok=True)
    assert [kind for kind, _ in sent] == ["display_data", "execute_result"]
    assert sent[1][1]["execution_count"] == 7
    assert sent[1][1]["data"] == {"text/plain": "two"}


async def test_after_an_error_nothing_is_a_result() -> None:
    sent = Sent()
    output = CellOutput(sent, 7)
    output(Shown("one"))
    output(Stream("stdout", b"x"))
    output(Shown("two"))
    output.finish(ok=False)
    assert [kind for kind, _ in sent] == ["display_data", "stream", "display_data"]


async def test_progress_shows_after_a_second_and_goes_with_the_first_output(monkeypatch) -> None:
    monkeypatch.setattr("hypercell.kernel.output._PROGRESS_AFTER", 0.01)
    sent = Sent()
    output = CellOutput(sent, 1)
    output(Progress("compiling"))
    assert not sent
    await asyncio.sleep(0.1)
    output(Stream("stdout", b"x"))
    output.finish(ok=True)
    assert [kind for kind, _ in sent] == ["stream", "clear_output", "stream"]
    sent.clear()
    output = CellOutput(sent, 1)
    output(Progress("quick"))
    output.finish(ok=True)
    await asyncio.sleep(0.1)
    assert not sent
