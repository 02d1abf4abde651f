"""What a cell says where the front end asks: prompts, completions, inspections."""

from __future__ import annotations

import attacks
import pytest
from lab import Lab, Listener
from notebook_page import PROTECTED, NotebookPage, Open

_IMAGE = '<img src=x onerror="JS">'
PROMPT, DEFINE, ASK = range(3)


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def page(open_notebook: Open, listener: Listener) -> NotebookPage:
    image = _IMAGE.replace("JS", attacks.script("prompt")).replace("@URL@", listener.url)
    names = f"hostile = type('H', (), {{r'''{image}''': 1, '__doc__': r'''{image}'''}})()"
    return open_notebook(PROTECTED, [f"print(input(r'''{image}'''))", names, "hostile"])


def test_a_prompt_is_text(page: NotebookPage, listener: Listener) -> None:
    page.start(PROMPT)
    box = page.page.wait_for_selector(".jp-Stdin-input")
    assert box is not None
    assert "onerror" in str(page.evaluate(PROMPT, "node => node.textContent"))
    box.fill("<b>answer</b>")
    box.press("Enter")
    page.page.wait_for_function("!document.querySelector('.jp-Stdin-input')")
    page.run(DEFINE)
    assert "<b>answer</b>" in page.text(PROMPT)
    assert listener.hits == []


def test_inspections_and_completions_are_text(
    page: NotebookPage, listener: Listener, lab: Lab
) -> None:
    page.run(DEFINE)
    page.edit(ASK)
    page.run_command("tooltip:launch-notebook")
    tooltip = page.page.wait_for_selector(".jp-Tooltip")
    assert tooltip is not None
    assert "onerror" in str(tooltip.text_content())
    page.write(ASK, "hostile.")
    page.run_command("completer:invoke-notebook")
    page.settle()
    assert listener.hits == []
    assert not list(lab.files.glob("written-*"))
