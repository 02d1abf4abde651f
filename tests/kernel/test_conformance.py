"""jupyter_kernel_test with every sample, for Python, for C and for WebAssembly text."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import jupyter_kernel_test
import pytest
from real_kernel import SECONDS

# One pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="
)
ADD = '(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))'
WRITE = """%%wat
(module (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\08\\00\\00\\00\\0d\\00\\00\\00hello, world\\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const {fd}) (i32.const 0) (i32.const 1) (i32.const 32)))))
"""


@pytest.fixture(scope="module", autouse=True)
def _spec(kernelspec: Path) -> None:
    """The tests of this module start kernels by the name of the installed kernelspec."""


class _Common(jupyter_kernel_test.KernelTests):
    kernel_name = "hypercell"
    file_extension = ".py"
    language_name = "python"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "%files"
    invalid_code_samples: ClassVar[list[str]] = ["%%nothing\n", "%%wat --nothing\n"]
    test_pager = None  # no payloads: what a cell shows does not act

    def execute_helper(self, *args: Any, **kwargs: Any) -> Any:
        """Theirs waits 0.1 s for each message after the reply, which a busy machine may take."""
        channel = self.kc.iopub_channel
        patient = functools.partial(channel.get_msg, timeout=SECONDS)
        with mock.patch.object(channel, "get_msg", side_effect=lambda timeout: patient()):
            return super().execute_helper(*args, **kwargs)

    def test_stop_on_error_aborts(self) -> None:
        self.flush_channels()
        bad = self.kc.execute(self.code_generate_error)
        good = self.kc.execute(self.code_execute_result[0]["code"])
        replies: dict[str, Any] = {}
        while len(replies) < 2:
            reply = self.kc.get_shell_msg(timeout=SECONDS)
            replies[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
        idle = 0
        while idle < 2:  # else they arrive in the next test
            content = self.kc.get_iopub_msg(timeout=SECONDS)["content"]
            idle += content.get("execution_state") == "idle"
        assert replies == {bad: "error", good: "aborted"}


class PythonTests(_Common):
    code_history_pattern = "6 ?*"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys\nprint('test', file=sys.stderr)"
    code_generate_error = "raise ValueError('on purpose')"
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output\nclear_output()"
    code_execute_result: ClassVar[list[dict[str, str]]] = [
        {"code": "6 * 7", "result": "42"},
        {"code": "x = [1, 2]\nx", "result": "[1, 2]"},
        {"code": "%time 1 + 1", "result": "2"},
        {"code": "await __import__('asyncio').sleep(0, 'slept')", "result": "'slept'"},
    ]
    code_display_data: ClassVar[list[dict[str, str]]] = [
        {"code": "display('a')", "mime": "text/plain"},
        {
            "code": "import base64\nfrom IPython.display import Image\n"
            f"display(Image(base64.b64decode({PNG!r})))",
            "mime": "image/png",
        },
    ]
    completion_samples: ClassVar[list[dict[str, Any]]] = [
        {"text": "zi", "matches": {"zip"}},
        {"text": "'a'.upp", "matches": {"upper"}},
        {"text": "import js", "matches": {"json"}},
        {"text": "%lim", "matches": {"%limits"}},
        {"text": "%%pyt", "matches": {"%%python"}},
    ]
    complete_code_samples: ClassVar[list[str]] = [
        "1",
        "print('hello, world')",
        "def f(x):\n  return x*2\n\n\n",
        "%time f()",
        "await f()",
    ]
    incomplete_code_samples: ClassVar[list[str]] = [
        "print('''hello",
        "def f(x):\n  x*2",
        "f(",
        "for x in y:",
        "x = \\",
    ]
    invalid_code_samples: ClassVar[list[str]] = ["import = 7q", "x = = 2", "'open", "%%nothing\n"]


class WatTests(_Common):
    test_clear_output = None  # such a cell cannot ask for it
    code_history_pattern = "%%wat --invoke*"
    code_hello_world = WRITE.format(fd=1)
    code_stderr = WRITE.format(fd=2)
    code_generate_error = '%%wat\n(module (func (export "_start") unreachable))'
    code_execute_result: ClassVar[list[dict[str, str]]] = [
        {"code": f"%%wat --invoke add 2 3\n{ADD}", "result": "add(2, 3) = 5 : i32"}
    ]
    code_display_data: ClassVar[list[dict[str, str]]] = [
        {"code": f"%files\n%%wat --invoke add 2 3\n{ADD}", "mime": "text/plain"}
    ]
    completion_samples: ClassVar[list[dict[str, Any]]] = [
        {"text": "%%wat\n(i32.ad", "matches": {"i32.add"}},
        {"text": "%%wat --time", "matches": {"--timeout"}},
        {"text": "%lim", "matches": {"%limits"}},
    ]
    complete_code_samples: ClassVar[list[str]] = [f"%%wat\n{ADD}", "%files"]
    incomplete_code_samples: ClassVar[list[str]] = ["%%wat\n(module", "%%wat"]


class CTests(_Common):
    test_clear_output = None  # such a cell cannot ask for it
    code_history_pattern = "%%file*"
    code_hello_world = '%%c\nputs("hello, world");'
    code_stderr = '%%c\nfprintf(stderr, "test\\n");'
    code_generate_error = "%%c\nabort();"
    code_execute_result: ClassVar[list[dict[str, str]]] = [
        {"code": "%%file x.txt\ntext\n", "result": "/home/x.txt: 5 B"}
    ]
    code_display_data: ClassVar[list[dict[str, str]]] = [
        {"code": '%files\n%%c\nputs("x");', "mime": "text/plain"}
    ]
    completion_samples: ClassVar[list[dict[str, Any]]] = [
        {"text": "%%c\n  unsig", "matches": {"unsigned"}},
        {"text": "%%c -std=c2", "matches": {"-std=c23"}},
    ]
    complete_code_samples: ClassVar[list[str]] = [
        "%%c\nint x;",
        "%%c\nint main(void) { return 0; }",
    ]
    incomplete_code_samples: ClassVar[list[str]] = ["%%c\nint main(void) {", "%%c\n/* not yet"]


del _Common  # pytest would run it by itself
