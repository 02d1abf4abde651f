"""A real kernel: output while a cell runs, input, interrupts, limits, and cells side by side."""

from __future__ import annotations

import os
import signal
import time

import pytest
from real_kernel import ADD, FOREVER, READ_LINES, SECONDS, Client, printing, wasi

FLOOD = wasi(
    "(loop $again (call $write (i32.const 1) (i32.const 1024) (i32.const 60000)) (br $again))",
)
HELLO_THEN_FOREVER = printing("started\n")[:-2] + " (loop br 0)))"


def test_kernel_info(kernel: Client) -> None:
    info = kernel.client.kernel_info(reply=True, timeout=SECONDS)["content"]
    assert info["implementation"] == "hypercell"
    assert info["supported_features"] == ["kernel subshells"]
    assert info["language_info"]["file_extension"] == ".py"
    assert info["language_info"]["mimetype"] == "text/x-python"
    assert "%help" in info["banner"]
    assert info["help_links"]


def test_a_call_is_the_result(kernel: Client) -> None:
    outcome = kernel.run(f"%%wat --invoke add 2 3\n{ADD}")
    assert outcome.error == ""
    assert outcome.result == "add(2, 3) = 5 : i32"
    assert outcome.reply["execution_count"] == outcome.messages[-1][1]["execution_count"]


def test_output_arrives_while_the_cell_runs(kernel: Client) -> None:
    msg_id = kernel.client.execute(f"%%wat\n{HELLO_THEN_FOREVER}")
    assert kernel.until("stream", msg_id)["text"] == "started\n"
    kernel.manager.interrupt_kernel()
    outcome = kernel.wait(msg_id)
    assert outcome.error == "Interrupted"


def test_both_streams_and_exit_codes(kernel: Client) -> None:
    assert kernel.run(f"%%wat\n{printing('out')}").stream() == "out"
    assert kernel.run(f"%%wat\n{printing('err', fd=2)}").stream("stderr") == "err"
    program = wasi(
        "(call $exit (i32.const 3))",
        imports='(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))',
    )
    outcome = kernel.run(f"%%wat\n{program}")
    assert outcome.error == "ExitStatus"
    assert "exit code 3" in outcome.reply["evalue"]


def test_input_from_the_front_end(kernel: Client) -> None:
    msg_id = kernel.client.execute(f"%%wat\n{READ_LINES}", allow_stdin=True)
    for line in ("first", "zweite ä"):
        request = kernel.client.get_stdin_msg(timeout=SECONDS)
        assert request["msg_type"] == "input_request"
        kernel.client.input(line)
        kernel.until("stream", msg_id, line)
    kernel.client.get_stdin_msg(timeout=SECONDS)
    kernel.client.input("\x04")
    assert kernel.wait(msg_id).error == ""


def test_an_interrupt_ends_the_wait_for_input(kernel: Client) -> None:
    msg_id = kernel.client.execute(f"%%wat\n{READ_LINES}", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=SECONDS)
    kernel.manager.interrupt_kernel()
    assert kernel.wait(msg_id).error == "Interrupted"
    kernel.client.input("too late")
    msg_id = kernel.client.execute(f"%%wat\n{READ_LINES}", allow_stdin=True)
    kernel.client.get_stdin_msg(timeout=SECONDS)
    kernel.client.input("in time")
    kernel.until("stream", msg_id, "in time")
    kernel.client.get_stdin_msg(timeout=SECONDS)
    kernel.client.input("\x04")
    assert kernel.wait(msg_id).error == ""


def test_without_a_front_end_input_is_at_its_end(kernel: Client) -> None:
    outcome = kernel.run(f"%%wat\n{READ_LINES}", allow_stdin=False)
    assert (outcome.error, outcome.stream()) == ("", "")
    outcome = kernel.run(f"%%wat --stdin 'a b\\nc'\n{READ_LINES}", allow_stdin=True)
    assert (outcome.error, outcome.stream()) == ("", "a b\nc")


@pytest.mark.parametrize("how", ["message", "signal", "shell"])
def test_interrupts(kernel: Client, how: str) -> None:
    msg_id = kernel.client.execute(f"%%wat\n{HELLO_THEN_FOREVER}")
    kernel.until("stream", msg_id)
    if how == "message":
        kernel.manager.interrupt_kernel()
    elif how == "signal":
        os.kill(kernel.manager.provisioner.pid, signal.SIGINT)
    else:
        message = kernel.client.session.msg("interrupt_request", {})
        kernel.client.shell_channel.send(message)
    outcome = kernel.wait(msg_id)
    assert outcome.error == "Interrupted"
    assert kernel.run(f"%%wat --invoke add 2 3\n{ADD}").result == "add(2, 3) = 5 : i32"


def test_an_interrupt_with_no_cell_does_nothing(kernel: Client) -> None:
    kernel.client.control_channel.send(kernel.client.session.msg("interrupt_request", {}))
    kernel.client.get_control_msg(timeout=SECONDS)
    os.kill(kernel.manager.provisioner.pid, signal.SIGINT)
    kernel.client.kernel_info(reply=True, timeout=SECONDS)
    assert kernel.run(f"%%wat --invoke add 2 3\n{ADD}").error == ""


@pytest.mark.parametrize(
    ("code", "ename"),
    [
        (f"%%wat --timeout 200ms\n{FOREVER}", "TimedOut"),
        ('%%wat\n(module (func (export "_start") unreachable))', "Trap"),
        (f"%%wat\n{FLOOD}", "OutputLimitExceeded"),
        ("%%wat\n(module", "BuildError"),
        ('%%wat\n(module (import "no" "where" (func)))', "LinkError"),
        (f"%%wat --invoke sub 1 2\n{ADD}", "InvokeError"),
        (f"%%wat --invoke add 1\n{ADD}", "InvokeError"),
        (f"%%wat --mem 100G\n{ADD}", "LimitRefused"),
        ("%%cobol\n", "UsageError"),
        ("%nothing", "UsageError"),
        ("%cat nothing", "FileRefused"),
    ],
)
def test_errors_and_the_next_cell_works(kernel: Client, code: str, ename: str) -> None:
    outcome = kernel.run(code)
    assert outcome.error == ename
    assert outcome.reply["traceback"]
    assert ename in "\n".join(outcome.reply["traceback"])
    assert kernel.run(f"%%wat --invoke add 2 3\n{ADD}").result == "add(2, 3) = 5 : i32"


def test_a_flood_is_few_messages(kernel: Client) -> None:
    outcome = kernel.run(f"%%wat\n{FLOOD}")
    assert 0 < len(outcome.stream()) <= 16 << 20
    assert len(outcome.messages) < 300


def test_a_worker_killed_from_outside(own: Client) -> None:
    msg_id = own.client.execute(f"%%wat\n{HELLO_THEN_FOREVER}")
    own.until("stream", msg_id)
    workers = busiest(own.manager.provisioner.pid)
    os.kill(workers, signal.SIGKILL)
    assert own.wait(msg_id).error == "WorkerLost"
    assert own.run(f"%%wat --invoke add 2 3\n{ADD}").error == ""


def descendants(pid: int) -> list[int]:
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            for child in map(int, file.read().split()):
                found += [child, *descendants(child)]
    return found


def busiest(pid: int) -> int:
    """The descendant that has used most processor time lately: the worker that loops."""

    def used(child: int) -> int:
        with open(f"/proc/{child}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    children = descendants(pid)
    before = {child: used(child) for child in children}
    time.sleep(0.5)
    return max(children, key=lambda child: used(child) - before[child])


def test_stop_on_error(kernel: Client) -> None:
    first = kernel.client.execute(f"%%wat --timeout 300ms\n{FOREVER}")
    second = kernel.client.execute(f"%%wat --invoke add 2 3\n{ADD}")
    assert kernel.wait(first).error == "TimedOut"
    assert kernel.wait(second).reply["status"] == "aborted"


def test_silent_cells_say_nothing(kernel: Client) -> None:
    outcome = kernel.run(f"%%wat\n{printing('x')}", silent=True)
    assert outcome.messages == []
    assert outcome.reply["status"] == "ok"


def test_cells_side_by_side_in_subshells(kernel: Client) -> None:
    control = kernel.client.control_channel
    ids = []
    for _ in range(2):
        control.send(kernel.client.session.msg("create_subshell_request", {}))
        ids.append(kernel.client.get_control_msg(timeout=SECONDS)["content"]["subshell_id"])

    def execute(code: str, subshell: str) -> str:
        message = kernel.client.session.msg("execute_request", {"code": code, "silent": False})
        message["header"]["subshell_id"] = subshell
        kernel.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    slow = execute(f"%%wat\n{HELLO_THEN_FOREVER}", ids[0])
    kernel.until("stream", slow, "started")
    quick = execute(f"%%wat\n{printing('quick')}", ids[1])
    assert kernel.wait(quick).stream() == "quick"
    assert kernel.run(f"%%wat\n{printing('main')}").stream() == "main"
    kernel.manager.interrupt_kernel()
    assert kernel.wait(slow).error == "Interrupted"
    for subshell in ids:
        message = kernel.client.session.msg("delete_subshell_request", {"subshell_id": subshell})
        control.send(message)
        kernel.client.get_control_msg(timeout=SECONDS)


def test_files_live_from_cell_to_cell(kernel: Client) -> None:
    assert kernel.run("%%file data/x.txt\nhello").result == "/home/data/x.txt: 6 B"
    assert kernel.run("%cat data/x.txt").result == "hello"
    assert "data/x.txt" in kernel.run("%files").result
    assert kernel.run("%%file -a data/x.txt\nagain").result == "/home/data/x.txt: 12 B"
    assert kernel.run("%cat data/x.txt\n%rm data\n%files").result.startswith("/home is empty")


def test_shutdown_leaves_no_process(own: Client) -> None:
    own.run(f"%%wat --invoke add 2 3\n{ADD}")
    msg_id = own.client.execute(f"%%wat\n{HELLO_THEN_FOREVER}")
    own.until("stream", msg_id)
    processes = [own.manager.provisioner.pid, *descendants(own.manager.provisioner.pid)]
    assert len(processes) >= 4
    own.manager.shutdown_kernel(now=False)
    assert gone(processes)


def test_a_kernel_that_is_killed_leaves_no_process(own: Client) -> None:
    own.run(f"%%wat --invoke add 2 3\n{ADD}")
    children = descendants(own.manager.provisioner.pid)
    os.kill(own.manager.provisioner.pid, signal.SIGKILL)
    assert gone(children)


def gone(processes: list[int]) -> bool:
    for _ in range(2400):
        if not any(alive(pid) for pid in processes):
            return True
        time.sleep(0.1)
    return False


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
