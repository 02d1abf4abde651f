"""The same requests to ipykernel and to this kernel: replies and messages compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from real_kernel import SECONDS, Client, Outcome, start

Request = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def kernels(kernelspec: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Client]]:
    """Ours, then ipykernel."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path_factory.mktemp("ipykernel")))
    client = manager.client()
    client.start_channels()
    both = [start(kernelspec), Client(manager, client)]
    client.wait_for_ready(timeout=SECONDS)
    yield both
    for one in both:
        one.client.stop_channels()
        one.manager.shutdown_kernel(now=True)


def told(outcome: Outcome, *, silent: bool) -> dict[str, Any]:
    """What a front end notices. Silent cells show nothing here, as the protocol has it."""
    reply = {
        key: value
        for key, value in outcome.reply.items()
        if key not in ("traceback", "engine_info")
    }
    for shown in reply["user_expressions"].values():
        if shown.pop("traceback", None) is not None and shown["ename"] == "SyntaxError":
            shown.pop("evalue")  # other versions say it with other words
    return {
        "reply": reply,
        "kinds": [] if silent else [kind for kind, _ in outcome.messages],
        "inputs": [c for kind, c in outcome.messages if kind == "execute_input"],
        "result": "" if silent else outcome.result,
        "stdout": "" if silent else outcome.stream(),
        "errors": [] if silent else [c["ename"] for k, c in outcome.messages if k == "error"],
    }


def compare(kernels: list[Client], requests: list[Request]) -> None:
    for code, options in requests:
        ours, other = (
            told(kernel.run(code, **options), silent=options.get("silent", False))
            for kernel in kernels
        )
        assert ours == other, (code, options)


def test_history_and_values(kernels: list[Client]) -> None:
    compare(
        kernels,
        [
            ("1 + 1", {}),
            ("'b'", {}),
            ("_, __, _i, _ii", {}),
            ("x = 5\n_i", {}),
            ("None", {}),
            ("_", {}),
            ("print('shown')\nx", {"silent": True}),
            ("x += 1", {"silent": True}),
            ("x", {}),
            ("", {}),
            ("  \n", {}),
            ("In[-1], len(In), sorted(Out) == sorted(_oh), _ih is In", {}),
            ("x * 2;", {}),
            ("y = 8", {"store_history": False}),
            ("y", {}),
            ("1 / 0", {"store_history": False}),
            ("1 / 0", {"silent": True}),
            ("In[-1], _i", {}),
            ("undefined", {}),
            ("list(range(40))", {}),
            ("_[3], ___", {}),
        ],
    )


def test_user_expressions(kernels: list[Client]) -> None:
    several = {
        "value": "x + 1",
        "long": "[1] * 40",
        "text": "'a' * 100",
        "none": "None",
        "spaces": "  x",
        "html": "__import__('IPython.display').display.HTML('plain')",
        "division": "1 / 0",
        "name": "no_such_name",
        "syntax": "x =",
        "empty": "",
        "exit": "__import__('sys').exit(3)",
    }
    compare(
        kernels,
        [
            ("x = 41", {"user_expressions": {"x": "x"}}),
            ("", {"user_expressions": {"x": "x"}, "silent": True}),
            ("x", {"user_expressions": {}}),
            ("1 / 0", {"user_expressions": {"x": "x"}}),
            ("x += 1", {"user_expressions": {"x": "x"}, "silent": True}),
            ("", {"user_expressions": {"x": "x"}}),
            ("x", {}),
        ],
    )
    ours, other = (
        told(kernel.run("x", user_expressions=several), silent=False)["reply"]["user_expressions"]
        for kernel in kernels
    )
    for found in (ours, other):
        html = found["html"]["data"].pop("text/html")
        assert "plain" in html
    assert ours == other


def test_an_expression_changes_nothing_and_has_its_limits(kernels: list[Client]) -> None:
    kernel = kernels[0]
    kernel.run("kept = [1]")
    hostile = {
        "before": "kept",
        "change": "kept.append(2) or kept",
        "html": "__import__('IPython.display').display.HTML('<script>1</script><b>x</b>')",
        "escape": "(_ for _ in ()).throw(ValueError('\\x1b]0;title\\x07'))",
        "hang": "any(iter(int, 1))",
        "after": "kept",
    }
    found = kernel.run("", user_expressions=hostile).reply["user_expressions"]
    assert found["before"]["data"] == {"text/plain": "[1]"}
    assert found["change"]["data"] == {"text/plain": "[1, 2]"}
    assert "script" not in found["html"]["data"]["text/html"]
    assert "\x1b]" not in str(found["escape"])
    assert found["hang"]["status"] == found["after"]["status"] == "error"
    assert "2 s" in found["hang"]["evalue"]
    assert kernel.run("kept").result == "[1]"
    assert kernel.run("%%c\nputs(\"c\");", user_expressions={"k": "kept"}).reply[
        "user_expressions"
    ]["k"]["data"] == {"text/plain": "[1]"}  # fmt: skip


def test_errors_stop_what_is_queued(kernels: list[Client]) -> None:
    for stop, statuses in ((True, ["error", "aborted", "aborted"]), (False, ["error", "ok", "ok"])):
        # The others have to be there when it ends.
        cell = "import time\ntime.sleep(1.5)\n1 / 0" if stop else "1 / 0"
        for kernel in kernels:
            sent = [
                kernel.client.execute(cell, stop_on_error=stop),
                kernel.client.execute("1"),
                kernel.client.execute("2"),
            ]
            replies: dict[str, str] = {}
            while len(replies) < len(sent):
                reply = kernel.client.get_shell_msg(timeout=SECONDS)
                replies[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
            assert [replies[one] for one in sent] == statuses


def test_input_where_there_is_none(kernels: list[Client]) -> None:
    for code in ("input('name? ')", "import getpass\ngetpass.getpass()"):
        ours, other = (kernel.run(code, allow_stdin=False) for kernel in kernels)
        assert ours.error == other.error == "StdinNotImplementedError"
        assert "does not support input requests" in ours.reply["evalue"]
        assert "--stdin" in "\n".join(ours.reply["traceback"])
    outcome = kernels[0].run("%%python --stdin ''\ninput('name? ')", allow_stdin=False)
    assert outcome.error == "EOFError"
    outcome = kernels[0].run("%%python --stdin Ada\ninput('name? ')", allow_stdin=False)
    assert outcome.result == "'Ada'"
