"""Python as the default language of a real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_kernel import Client, start


@pytest.fixture(scope="module")
def python(kernelspec: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    config = tmp_path_factory.mktemp("config") / "config.toml"
    config.write_text('language = "python"\n')
    client = start(kernelspec, HYPERCELL_CONFIG=str(config))
    yield client
    client.client.stop_channels()
    client.manager.shutdown_kernel(now=False)


def test_a_notebook(python: Client) -> None:
    assert python.run("import math\nx = 6").error == ""
    outcome = python.run("print('hello')\nx * 7")
    assert outcome.stream() == "hello\n"
    assert outcome.result == "42"
    outcome = python.run("undefined")
    assert outcome.error == "NameError"
    assert outcome.reply["evalue"] == "name 'undefined' is not defined"
    assert "\x1b[" in "\n".join(outcome.reply["traceback"])
    kinds = [kind for kind, _ in python.run("display(1)\ndisplay(2)\nprint(3)\n4").messages]
    assert kinds == ["execute_input", "display_data", "display_data", "stream", "execute_result"]
    assert python.run("%undo").error == ""
    assert python.run('%%c\nputs("C too");').stream() == "C too\n"
    assert python.run("x").result == "6"


def test_a_forged_display_is_data(python: Client) -> None:
    outcome = python.run(
        "from IPython.display import clear_output, HTML, display\n"
        "display(HTML('<script>alert(1)</script>'))\n"
        "display({'text/html': '<b>'}, raw=True)\n"
        "display({'text/javascript': 'alert(1)', 'text/plain': '\\x1b]0;title\\x07'}, raw=True)\n"
        "clear_output(wait=True)"
    )
    assert outcome.error == ""
    shown = [content["data"] for kind, content in outcome.messages if kind == "display_data"]
    html, plain = {"text/plain", "text/html"}, {"text/plain"}
    assert [set(data) for data in shown] == [html, html, plain]
    assert "script>" not in shown[0]["text/html"]
    assert "<b></b></div>" in shown[1]["text/html"]
    assert not any("\x1b" in data["text/plain"] for data in shown)
    assert ("clear_output", {"wait": True}) in outcome.messages
