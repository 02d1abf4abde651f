"""What a cell says where the front end asks: prompts, completions, inspections."""

from __future__ import annotations

import attacks
import pytest
from lab import Lab, Listener
from notebook_page import PROTECTED, NotebookPage, Open

_IMAGE = '<img src=x onerror="JS">'
PROMPT, DEFINE, FORGE, ASK = range(4)
# Answers that the runtime itself would give, given by the cell instead.
_FORGE = """
from hypercell.kernel.languages.python_runtime import completer, inspector
image = r'''{image}'''
match = {{"text": "hostile." + image, "type": image, "signature": image}}
others = [{{"text": "REPLACED"}}, {{"text": "hostile.\\nREPLACED"}}]
completer.complete = lambda *_: {{"status": "ok", "matches": [match, *others], "start": 0}}
inspector.describe = lambda *_, **__: image + "\\x1b]8;;javascript:1\\x07link\\x1b]8;;\\x07"
"""
_ACTIVE = "node => node.querySelectorAll('img, script, iframe, a[href^=javascript]').length"


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def page(open_notebook: Open, listener: Listener) -> NotebookPage:
    image = _IMAGE.replace("JS", attacks.script("prompt")).replace("@URL@", listener.url)
    names = f"hostile = type('H', (), {{r'''{image}''': 1, '__doc__': r'''{image}'''}})()"
    forge = _FORGE.format(image=image)
    return open_notebook(PROTECTED, [f"print(input(r'''{image}'''))", names, forge, "hostile"])


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


def test_forged_answers_are_text(page: NotebookPage, listener: Listener, lab: Lab) -> None:
    page.run(DEFINE, FORGE)
    assert "Error" not in page.text(FORGE)
    page.write(ASK, "hostile")
    page.run_command("tooltip:launch-notebook")
    tooltip = page.page.wait_for_selector(".jp-Tooltip:has-text('onerror')")
    assert tooltip is not None
    assert "javascript:1" in str(tooltip.text_content())
    assert tooltip.evaluate(_ACTIVE) == 0
    page.write(ASK, "hostile.")
    page.run_command("completer:invoke-notebook")
    page.settle()  # one match is put into the cell at once, more are listed
    assert "REPLACED" not in page.source(ASK)
    assert page.page.evaluate("document.querySelectorAll('.jp-Completer img').length") == 0
    assert page.source(ASK).startswith("hostile.")
    assert listener.hits == []
    assert not list(lab.files.glob("written-*"))
