"""jupyter_kernel_test with every sample, for C and for WebAssembly text."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import jupyter_kernel_test
import pytest

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
    file_extension = ".c"
    language_name = "c"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "%files"
    invalid_code_samples: ClassVar[list[str]] = ["%%nothing\n", "%%wat --nothing\n"]
    test_pager = None  # no payloads: what a cell shows does not act
    test_clear_output = None  # a cell cannot ask for it

    def test_stop_on_error_aborts(self) -> None:
        self.flush_channels()
        bad = self.kc.execute(self.code_generate_error)
        good = self.kc.execute(self.code_execute_result[0]["code"])
        replies: dict[str, Any] = {}
        while len(replies) < 2:
            reply = self.kc.get_shell_msg(timeout=60)
            replies[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
        assert replies == {bad: "error", good: "aborted"}


class WatTests(_Common):
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
    code_history_pattern = "%%file*"
    code_hello_world = 'puts("hello, world");'
    code_stderr = 'fprintf(stderr, "test\\n");'
    code_generate_error = "abort();"
    code_execute_result: ClassVar[list[dict[str, str]]] = [
        {"code": "%%file x.txt\ntext\n", "result": "/home/x.txt: 5 B"}
    ]
    code_display_data: ClassVar[list[dict[str, str]]] = [
        {"code": '%files\nputs("x");', "mime": "text/plain"}
    ]
    completion_samples: ClassVar[list[dict[str, Any]]] = [
        {"text": "  unsig", "matches": {"unsigned"}},
        {"text": "%%c -std=c2", "matches": {"-std=c23"}},
    ]
    complete_code_samples: ClassVar[list[str]] = ["int x;", "int main(void) { return 0; }"]
    incomplete_code_samples: ClassVar[list[str]] = ["int main(void) {", "/* not yet"]


del _Common  # pytest would run it by itself
