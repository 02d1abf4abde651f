"""Output on its way to the front end: soon, few messages, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from hypercell.kernel.display.bundle import Shower
from hypercell.kernel.display.parser_client import Parser
from hypercell.kernel.output import MAX_DISPLAYS, MAX_LINES, MAX_STREAM, CellOutput
from hypercell.kernel.output_queue import Message, Queue
from hypercell.kernel.result import Clear, Collector, Display, Notice, Progress, Shown, Stream


class Sent(list[tuple[str, dict[str, Any]]]):
    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        self.append((kind, content))

    def text(self, name: str = "stdout") -> str:
        return "".join(c["text"] for k, c in self if k == "stream" and c["name"] == name)


async def test_the_first_output_goes_at_once_and_the_rest_together(monkeypatch) -> None:
    monkeypatch.setattr("hypercell.kernel.output.INTERVAL", 1.0)  # a busy machine may pause too
    sent = Sent()
    output = CellOutput(sent, 1)
    output(Stream("stdout", b"first"))
    assert len(sent) == 1
    for _ in range(100):
        output(Stream("stdout", b"x"))
    assert len(sent) == 1
    await asyncio.sleep(1.1)
    assert len(sent) == 2
    assert sent.text() == "first" + "x" * 100


async def test_the_order_of_both_streams() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    for data in (b"1", b"2", b"3"):
        output(Stream("stdout", data))
        output(Stream("stderr", data))
    await output.finish(ok=True)
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
    await output.finish(ok=True)
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
    await output.finish(ok=True)
    assert sent.text() == "ä\x1b[31m日\x1b[0m␛]0;x\ufffd\ufffd"


async def test_large_output_in_bounded_messages() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    output(Stream("stdout", b"x" * 1_000_000))
    await output.finish(ok=True)
    assert len(sent) == 4
    assert len(sent.text()) == 1_000_000


async def test_the_last_shown_text_is_the_result() -> None:
    sent = Sent()
    output = CellOutput(sent, 7)
    output(Shown("one"))
    output(Shown("two"))
    await output.finish(ok=True)
    assert [kind for kind, _ in sent] == ["display_data", "execute_result"]
    assert sent[1][1]["execution_count"] == 7
    assert sent[1][1]["data"] == {"text/plain": "two"}


async def test_after_an_error_nothing_is_a_result() -> None:
    sent = Sent()
    output = CellOutput(sent, 7)
    output(Shown("one"))
    output(Stream("stdout", b"x"))
    output(Shown("two"))
    await output.finish(ok=False)
    assert [kind for kind, _ in sent] == ["display_data", "stream", "display_data"]


async def test_progress_shows_after_a_second_and_goes_with_the_first_output(monkeypatch) -> None:
    monkeypatch.setattr("hypercell.kernel.output._PROGRESS_AFTER", 0.01)
    sent = Sent()
    output = CellOutput(sent, 1)
    output(Progress("compiling"))
    assert not sent
    await asyncio.sleep(0.1)
    output(Stream("stdout", b"x"))
    await output.finish(ok=True)
    assert [kind for kind, _ in sent] == ["stream", "clear_output", "stream"]
    sent.clear()
    output = CellOutput(sent, 1)
    output(Progress("quick"))
    await output.finish(ok=True)
    await asyncio.sleep(0.1)
    assert not sent


def shown(sent: Sent) -> list[tuple[str, str]]:
    return [(kind, content["data"]["text/plain"]) for kind, content in sent if "data" in content]


def plain(text: str, **fields: Any) -> Display:
    return Display({"text/plain": text}, **fields)


async def test_a_cell_updates_its_own_displays_only() -> None:
    first, second = Sent(), Sent()
    for sent in (first, second):
        output = CellOutput(sent, 1)
        output(plain("old", id="victim"))
        output.flush()
        output(plain("new", id="victim", update=True))
        output(plain("unknown", id="of another cell", update=True))
        await output.finish(ok=True)
        kinds = [kind for kind, _ in sent]
        assert kinds == ["display_data", "update_display_data", "display_data"]
        ids = [content["transient"]["display_id"] for _, content in sent]
        assert ids[0] == ids[1] != ids[2]
        assert not any(name in ("victim", "of another cell") for name in ids)
    used = [{c["transient"]["display_id"] for _, c in sent} for sent in (first, second)]
    assert not used[0] & used[1]


async def test_updates_and_clears_that_nobody_would_see_are_not_sent() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    output(plain("0", id="d"))
    for number in range(1000):
        output(plain(str(number), id="d", update=True))
    await output.finish(ok=True)
    assert len(sent) < 10
    assert shown(sent)[-1] == ("update_display_data", "999")
    sent.clear()
    output = CellOutput(sent, 1)
    for number in range(1000):
        output(Clear(wait=True))
        output(plain(str(number)))
    await output.finish(ok=True)
    assert len(sent) < 10
    assert shown(sent)[-1] == ("display_data", "999")
    sent.clear()
    output = CellOutput(sent, 1)
    output(plain("stays"))
    output(Clear(wait=True))
    output(Clear(wait=True))
    await output.finish(ok=True)
    assert [kind for kind, _ in sent] == ["display_data", "clear_output"]
    assert sent[1][1] == {"wait": True}


async def test_a_cell_cannot_clear_what_its_reader_must_see() -> None:
    sent, collector = Sent(), Collector()
    output = CellOutput(sent, 1)
    for event in (Notice(b"weaker\n"), Stream("stderr", b"x"), Clear(), Stream("stderr", b"y")):
        output(event)
        collector(event)
    await output.finish(ok=True)
    last = max(at for at, (kind, _) in enumerate(sent) if kind == "clear_output")
    assert Sent(sent[last:]).text("stderr") == "weaker\ny"
    assert collector.streams["stderr"] == b"weaker\ny"


async def test_what_is_checked_elsewhere_keeps_its_place() -> None:
    sent = Sent()
    parser = Parser()
    output = CellOutput(sent, 3, Shower(parser))
    output(Stream("stdout", b"before"))
    output(Display({"text/plain": "p", "text/html": "<b onclick=x>h"}))
    output(Stream("stdout", b"after"))
    output(Display({"text/plain": "r", "text/markdown": "*r*"}, result=True))
    await output.finish(ok=True)
    parser.close()
    assert [kind for kind, _ in sent] == ["stream", "display_data", "stream", "execute_result"]
    assert "<b>h</b>" in sent[1][1]["data"]["text/html"]
    assert "<em>r</em>" in sent[3][1]["data"]["text/html"]
    assert sent[3][1]["execution_count"] == 3
    assert all(set(c.get("data", {})) <= {"text/plain", "text/html"} for _, c in sent)


async def test_a_page_takes_so_much() -> None:
    sent = Sent()
    output = CellOutput(sent, 1)
    for _ in range(MAX_DISPLAYS + 50):
        output(plain("x"))
    await output.finish(ok=True)
    assert len([kind for kind, _ in sent if kind == "display_data"]) == MAX_DISPLAYS
    assert sent.text("stderr").count("not shown") == 1
    sent.clear()
    output = CellOutput(sent, 1)
    for _ in range(12):
        output(Stream("stdout", b"x" * (1 << 20)))
    await output.finish(ok=True)
    assert len(sent.text()) < MAX_STREAM + 100
    assert sent.text().count("more than a page takes") == 1
    sent.clear()
    output = CellOutput(sent, 1)
    for _ in range(3):
        output(Stream("stdout", b"x\n" * (MAX_LINES // 2)))
        output.flush()
    await output.finish(ok=True)
    assert sent.text().startswith("x\n" * MAX_LINES)
    assert sent.text().count("\n") <= MAX_LINES + 2
    sent.clear()
    output = CellOutput(sent, 1)
    output(Stream("stdout", b"https://a.example\n" * 10_000))
    await output.finish(ok=True)
    assert "https://" not in sent.text()
    assert "a.example\n" * 2 in sent.text().replace("https:\u200b//", "")
    sent.clear()
    output = CellOutput(sent, 1)
    output(Stream("stdout", b"\x1b[31mx" * 60_000))
    await output.finish(ok=True)
    assert sent.text() == "x" * 60_000


async def test_what_magics_show_counts_as_well() -> None:
    sent = Sent()
    output = CellOutput(sent, 7)
    for _ in range(10):
        output(Shown("x" * (MAX_STREAM // 3)))
    await output.finish(ok=True)
    shown = [content["data"]["text/plain"] for _, content in sent]
    assert sum(map(len, shown)) < MAX_STREAM + 200
    assert "more than a page takes" in shown[-1]


def test_an_update_finds_the_one_that_it_replaces_at_once() -> None:
    """A cell may have a thousand displays and send a hundred thousand updates."""
    looks = 0

    class Counted(deque[Any]):
        def __reversed__(self) -> Any:
            nonlocal looks
            looks += 1
            return super().__reversed__()

        def __iter__(self) -> Any:
            nonlocal looks
            looks += 1
            return super().__iter__()

    queue = Queue()
    queue._items = Counted()
    kind = "update_display_data"
    for number in range(1000):
        queue.add(Message(kind, {"data": number}, id=f"{number % 100}"))
    assert looks == 0
    assert [queue.take().content["data"] for _ in range(100)] == [*range(900, 1000)]  # type: ignore[union-attr]
    assert queue.take() is None
    queue.add(Message(kind, {"data": 1}, id="1"))  # the one before it is sent
    queue.clear(Message("clear_output", {"wait": True}))
    queue.add(Message(kind, {"data": 2}, id="1"))
    queue.add(Message(kind, {"data": 3}, id="1"))
    kinds = [(item.kind, item.content) for item in iter(queue.take, None)]  # type: ignore[union-attr]
    assert kinds == [("clear_output", {"wait": True}), (kind, {"data": 3})]
