"""Runs of text in one script, of which a page is given so many."""

from __future__ import annotations

import pytest

from hypercell.kernel import runs
from hypercell.kernel.display.bundle import Shower
from hypercell.kernel.display.parser_client import Parser
from hypercell.kernel.display.refused import Refused
from hypercell.kernel.display.safe_html import safe_html
from hypercell.kernel.display.svg import svg_image
from hypercell.kernel.output import CellOutput
from hypercell.kernel.result import Stream
from hypercell.kernel.safe_text import calmer_text

MANY = "a一" * 100_000


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("plain text\n", 1),
        ("größer, à côté", 1),
        ("Привет", 1),
        ("漢字とかな", 1),
        ("ab אב cd", 3),
        ("a一" * 10, 20),
        ("一א" * 10, 20),
        ("कখ" * 10, 20),
    ],
)
def test_how_many_there_are(text: str, count: int) -> None:
    assert runs.count(text) == count
    assert runs.cut(text, count) == text
    assert runs.count(runs.cut(text, count // 2)) == count // 2


def test_text_that_changes_script_all_the_time_is_cut() -> None:
    assert runs.count(calmer_text(MANY, len(MANY))) <= runs.MAX_RUNS + 3
    assert "more characters" in calmer_text(MANY, len(MANY))
    page = "".join(f"<b>{'a一' * 10}</b>" for _ in range(5000))
    with pytest.raises(Refused, match="changes of script"):
        safe_html(page)
    with pytest.raises(Refused, match="pieces"):
        svg_image(f'<svg xmlns="http://www.w3.org/2000/svg"><text>{MANY}</text></svg>')
    honest = "漢字とかな、ひらがな。\n" * 10_000
    assert calmer_text(honest, len(honest)) == honest


async def test_a_stream_that_does_so_is_cut_wherever_its_messages_end() -> None:
    sent = list[str]()
    output = CellOutput(lambda _, content: sent.append(content["text"]), 1)
    for _ in range(20):
        output(Stream("stdout", ("a一" * 5000).encode()))
        output.flush()
    await output.finish(ok=True)
    text = "".join(sent)
    assert runs.count(text) <= runs.MAX_RUNS + 3
    assert text.count("more than a page takes") == 1


async def test_displays_and_json_of_a_cell_share_a_budget() -> None:
    shower = Shower(Parser())
    json = shower.show_now("json", {"text/plain": "p", "application/json": [MANY[:70_000]]}, {})
    assert "application/json" not in json.data
    texts = [shower.show_now(str(n), {"text/plain": MANY}, {}) for n in range(5)]
    shown = [runs.count(one.data["text/plain"]) for one in texts]
    assert sum(shown) < 2 * runs.MAX_RUNS
    assert texts[-1].data["text/plain"].startswith("[not shown")
