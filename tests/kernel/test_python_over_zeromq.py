"""Python as the default language of a real kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_kernel import SECONDS, Client, start


@pytest.fixture(scope="module")
def python(kernelspec: Path) -> Iterator[Client]:
    client = start(kernelspec)
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


def test_a_password_is_asked_for_as_one(python: Client) -> None:
    msg_id = python.client.execute(
        "import getpass\n[input('name? '), getpass.getpass('key: ')]", allow_stdin=True
    )
    for prompt, secret, typed in (("name? ", False, "Ada"), ("key: ", True, "xyz")):
        request = python.client.get_stdin_msg(timeout=SECONDS)
        assert request["content"] == {"prompt": prompt, "password": secret}
        python.client.input(typed)
    assert python.wait(msg_id).result == "['Ada', 'xyz']"


def test_what_the_kernel_says_of_its_language(python: Client) -> None:
    info = python.client.kernel_info(reply=True, timeout=SECONDS)["content"]["language_info"]
    assert info["name"] == "python"
    assert info["version"].startswith("3.14")
    assert (info["file_extension"], info["pygments_lexer"]) == (".py", "ipython3")
    assert info["codemirror_mode"] == {"name": "ipython", "version": 3}


def test_completion_while_a_cell_runs(python: Client) -> None:
    python.run("apple_tree = 1")
    running = python.client.execute("import time\ntime.sleep(0.5)")
    asked = python.client.complete("apple_t", 7)
    replies: dict[str, Any] = {}
    while len(replies) < 2:
        reply = python.client.get_shell_msg(timeout=SECONDS)
        replies[reply["parent_header"]["msg_id"]] = reply["content"]
    assert replies[running]["status"] == "ok"
    assert (replies[asked]["matches"], replies[asked]["cursor_start"]) == (["apple_tree"], 0)


def test_without_the_toolchain_a_cell_says_what_to_run(kernelspec: Path, tmp_path: Path) -> None:
    client = start(kernelspec, HYPERCELL_TOOLCHAINS=str(tmp_path))
    try:
        outcome = client.run("1 + 1")
        assert outcome.error == "ToolchainMissing"
        assert "hypercell toolchain install python" in "\n".join(outcome.reply["traceback"])
        reply = client.client.complete("prin", 4, reply=True, timeout=SECONDS)["content"]
        assert "print" in reply["matches"]
        client.client.is_complete("f(")
        assert client.client.get_shell_msg(timeout=SECONDS)["content"]["status"] == "incomplete"
        assert client.run('%%wat\n(module (func (export "_start")))').error == ""
    finally:
        client.client.stop_channels()
        client.manager.shutdown_kernel(now=True)
