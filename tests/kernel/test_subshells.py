"""Subshells, without ipykernel's threads for them: what they do to each other, and what is said."""

from __future__ import annotations

from typing import Any

from real_kernel import ADD, FOREVER, SECONDS, Client, printing


def ask(kernel: Client, kind: str, **content: Any) -> dict[str, Any]:
    """A request on the control channel; its reply."""
    message = kernel.client.session.msg(kind, content)
    kernel.client.control_channel.send(message)
    while True:
        reply = kernel.client.get_control_msg(timeout=SECONDS)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            assert reply["msg_type"] == kind.replace("request", "reply")
            return dict(reply["content"])


def execute(kernel: Client, code: str, subshell: object) -> str:
    content = {"code": code, "silent": False, "stop_on_error": True}
    message = kernel.client.session.msg("execute_request", content)
    message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def test_they_are_made_listed_and_deleted(kernel: Client) -> None:
    name = ask(kernel, "create_subshell_request")["subshell_id"]
    other = ask(kernel, "create_subshell_request")["subshell_id"]
    assert ask(kernel, "list_subshell_request")["subshell_id"] == [name, other]
    assert ask(kernel, "delete_subshell_request", subshell_id=name) == {"status": "ok"}
    assert ask(kernel, "list_subshell_request")["subshell_id"] == [other]
    gone = ask(kernel, "delete_subshell_request", subshell_id=name)
    assert gone["status"] == "error"
    assert name in gone["evalue"]
    for wrong in (None, 7, [], {}):
        assert ask(kernel, "delete_subshell_request", subshell_id=wrong)["status"] == "error"
    assert ask(kernel, "delete_subshell_request", subshell_id=other) == {"status": "ok"}


def test_a_request_to_none_of_them_gets_an_error(kernel: Client) -> None:
    for wrong in ("nobody", 7, ["x"], {}):
        outcome = kernel.wait(execute(kernel, f"%%wat\n{printing('x')}", wrong))
        assert outcome.reply["status"] == "error"
        assert outcome.reply["ename"] == "UnknownSubshellError"
    assert kernel.run(f"%%wat\n{printing('main')}").stream() == "main"


def test_a_failed_cell_aborts_those_behind_it_and_no_others(kernel: Client) -> None:
    name = ask(kernel, "create_subshell_request")["subshell_id"]
    fails = execute(kernel, f"%%wat --timeout 500ms\n{FOREVER}", name)
    behind = [execute(kernel, f"%%wat --invoke add 2 3\n{ADD}", name) for _ in range(3)]
    beside = execute(kernel, f"%%wat\n{printing('beside')}", None)
    outcomes = {}
    idle = 0
    while idle < 5:
        message = kernel.client.get_iopub_msg(timeout=SECONDS)
        idle += message["content"].get("execution_state") == "idle"
    while len(outcomes) < 5:
        reply = kernel.client.get_shell_msg(timeout=SECONDS)
        outcomes[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
    assert outcomes[fails] == "error"
    assert [outcomes[one] for one in behind] == ["aborted"] * 3
    assert outcomes[beside] == "ok"
    assert kernel.wait(execute(kernel, f"%%wat\n{printing('on')}", name)).stream() == "on"
    ask(kernel, "delete_subshell_request", subshell_id=name)


def test_cells_that_wait_when_theirs_is_deleted_are_answered(kernel: Client) -> None:
    name = ask(kernel, "create_subshell_request")["subshell_id"]
    slow = execute(kernel, f"%%wat --timeout 1s\n{FOREVER}", name)
    kernel.until("status", slow, "busy")
    waits = execute(kernel, f"%%wat\n{printing('x')}", name)
    ask(kernel, "delete_subshell_request", subshell_id=name)
    replies = {}
    while len(replies) < 2:
        reply = kernel.client.get_shell_msg(timeout=SECONDS)
        replies[reply["parent_header"]["msg_id"]] = reply["content"]
    assert replies[waits]["ename"] == "UnknownSubshellError"
    assert slow in replies
    assert kernel.run(f"%%wat\n{printing('main')}").stream() == "main"


def test_a_cell_that_fails_on_the_control_channel(kernel: Client) -> None:
    code = f"%%wat --timeout 300ms\n{FOREVER}"
    failed = ask(kernel, "execute_request", code=code, silent=False, stop_on_error=True)
    assert failed["ename"] == "TimedOut"
    assert kernel.run(f"%%wat\n{printing('main')}").stream() == "main"
