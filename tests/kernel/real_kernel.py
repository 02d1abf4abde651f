"""A kernel over ZeroMQ as a front end sees it, and programs to run in it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

SECONDS = 240

ADD = """(module (func (export "add") (param i32 i32) (result i32)
  local.get 0 local.get 1 i32.add))"""

FOREVER = '(module (func (export "_start") (loop br 0)))'


def wasi(body: str, *, data: str = "", imports: str = "", functions: str = "") -> str:
    """A WASI program in WAT; ``$print`` writes bytes from an address to stdout."""
    return f"""(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  {imports}
  (memory (export "memory") 1)
  {data}
  (func $write (param $fd i32) (param $at i32) (param $len i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $len))
    (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  {functions}
  (func (export "_start") {body}))"""


def printing(text: str, *, fd: int = 1) -> str:
    """A program that writes ``text``."""
    escaped = "".join(f"\\{byte:02x}" for byte in text.encode())
    return wasi(
        f"(call $write (i32.const {fd}) (i32.const 1024) (i32.const {len(text.encode())}))",
        data=f'(data (i32.const 1024) "{escaped}")',
    )


READ_LINES = wasi(
    """(local $n i32)
  (block $end (loop $again
    (i32.store (i32.const 0) (i32.const 1024))
    (i32.store (i32.const 4) (i32.const 100))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $n (i32.load (i32.const 8)))
    (br_if $end (i32.eqz (local.get $n)))
    (call $write (i32.const 1) (i32.const 1024) (local.get $n))
    (br $again)))""",
    imports="""(import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))""",
)


class Client:
    """A started kernel and what it said."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(self, code: str, **kwargs: Any) -> Outcome:
        """Execute and wait for the reply and idle."""
        return self.wait(self.client.execute(code, **kwargs))

    def wait(self, msg_id: str) -> Outcome:
        outcome = Outcome()
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            if outcome.take(message):
                break
        while True:
            reply = self.client.get_shell_msg(timeout=SECONDS)
            if reply["parent_header"].get("msg_id") == msg_id:
                outcome.reply = reply["content"]
                return outcome

    def until(self, kind: str, msg_id: str, text: str = "") -> dict[str, Any]:
        """The next iopub message of that kind and parent that has ``text`` in it."""
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if (
                message["parent_header"].get("msg_id") == msg_id
                and message["msg_type"] == kind
                and text in str(message["content"])
            ):
                content: dict[str, Any] = message["content"]
                return content


class Outcome:
    """What a cell sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.times: list[float] = []
        self.reply: dict[str, Any] = {}

    def take(self, message: dict[str, Any]) -> bool:
        """True at idle."""
        content = message["content"]
        if message["msg_type"] == "status":
            return bool(content["execution_state"] == "idle")
        self.messages.append((message["msg_type"], content))
        self.times.append(time.monotonic())
        return False

    def stream(self, name: str = "stdout") -> str:
        return "".join(c["text"] for k, c in self.messages if k == "stream" and c["name"] == name)

    @property
    def result(self) -> str:
        return "".join(c["data"]["text/plain"] for k, c in self.messages if k == "execute_result")

    @property
    def error(self) -> str:
        names = [c["ename"] for k, c in self.messages if k == "error"]
        assert len(names) <= 1
        assert (self.reply["status"] == "error") == bool(names)
        if names:
            assert self.reply["ename"] == names[0]
        return names[0] if names else ""


def start(
    kernelspec: Path,
    *,
    cwd: Path | None = None,
    first: Callable[[], object] | None = None,
    **env: str,
) -> Client:
    """``first``: called in the kernel's process before it begins."""
    manager = KernelManager(kernel_name=kernelspec.name)
    manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[str(kernelspec.parent)])
    manager.start_kernel(env={**os.environ, **env}, cwd=str(cwd or Path.cwd()), preexec_fn=first)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=SECONDS)
    return Client(manager, client)
