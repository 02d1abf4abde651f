"""``hypercell run`` and its neighbours for real: processes, VMs, exit codes."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import wasmtime

HYPERCELL = [sys.executable, "-m", "hypercell.kernel.cli.main"]

ECHO = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    for (int i = 0; i < argc; i++) printf("[%s]", argv[i]);
    printf("%s\n", getenv("COLOUR") ? getenv("COLOUR") : "no colour");
    char line[100];
    while (fgets(line, sizeof line, stdin)) printf("in: %s", line);
    fprintf(stderr, "to stderr\n");
    return 7;
}
"""
WAT = """
(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "stop") unreachable))
"""


def hypercell(
    *words: str | Path, stdin: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*HYPERCELL, *map(str, words)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=cwd, timeout=100
    )


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_c_program_gets_words_environment_and_stdin(tmp_path: Path) -> None:
    source = write(tmp_path, "echo.c", ECHO)
    words = ["run", source, "--env", "COLOUR=red", "--", "a b", "--timeout"]
    done = hypercell(*words, stdin="one\ntwo\n")
    assert done.stdout == "[echo.c][a b][--timeout]red\nin: one\nin: two\n"
    assert done.stderr == "to stderr\n"
    assert done.returncode == 7


def test_stdin_as_text_wins(tmp_path: Path) -> None:
    done = hypercell("run", write(tmp_path, "e.c", ECHO), "--stdin", "given", stdin="other")
    assert "in: given" in done.stdout
    assert "other" not in done.stdout


def test_no_output_is_lost_or_changed(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        "bytes.c",
        "for (int round = 0; round < 4000; round++) for (int i = 0; i < 256; i++) putchar(i);",
    )
    done = subprocess.run([*HYPERCELL, "run", source], capture_output=True, timeout=550)
    assert done.stdout == bytes(range(256)) * 4000
    assert done.returncode == 0


def test_invoke_prints_typed_results(tmp_path: Path) -> None:
    source = write(tmp_path, "sums.wat", WAT)
    done = hypercell("run", source, "--invoke", "add", "-2", "44", "--invoke", "add", "1", "2")
    assert done.stdout == "add(-2, 44) = 42 : i32\nadd(1, 2) = 3 : i32\n"
    assert done.returncode == 0
    assert "add(i32, i32) -> i32" in hypercell("run", source).stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--invoke", "sub"], "exports no function sub"),
        (["--invoke", "add", "1"], "takes 2 values"),
        (["--invoke", "add", "1", "x"], "is no i32"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(tmp_path: Path, words: list[str], message: str) -> None:
    done = hypercell("run", write(tmp_path, "sums.wat", WAT), *words)
    assert done.returncode == 125
    assert message in done.stderr
    assert "Traceback" not in done.stderr


COMPONENT = """(component
  (core module $code
    (func (export "run") (result i32) (i32.const STATUS))
    (memory (export "m") 1) (data (i32.const 16) "hi")
    (func (export "greet") (result i32)
      (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 2))
      (i32.const 0)))
  (core instance $code (instantiate $code))
  (func $run (result (result)) (canon lift (core func $code "run")))
  (instance $cli (export "run" (func $run)))
  (func (export "greet") (result string)
    (canon lift (core func $code "greet") (memory $code "m")))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"""


@pytest.mark.parametrize("status", [0, 1])
def test_a_component_is_a_program_too(tmp_path: Path, status: int) -> None:
    text = COMPONENT.replace("STATUS", str(status))
    assert hypercell("run", write(tmp_path, "run.wat", text)).returncode == status
    (tmp_path / "run.wasm").write_bytes(wasmtime.wat2wasm(text))
    assert hypercell("run", tmp_path / "run.wasm").returncode == status


def test_a_component_is_called_with_words(tmp_path: Path) -> None:
    (tmp_path / "greet.wasm").write_bytes(wasmtime.wat2wasm(COMPONENT.replace("STATUS", "0")))
    done = hypercell("run", tmp_path / "greet.wasm", "--invoke", "greet")
    assert done.stdout == "greet() = 'hi'\n"


def test_a_trap_is_134_with_its_place(tmp_path: Path) -> None:
    done = hypercell("run", write(tmp_path, "sums.wat", WAT), "--invoke", "stop")
    assert done.returncode == 134
    assert "Trap: unreachable code was reached" in done.stderr
    source = write(
        tmp_path, "trap.c", "void f(void) {\n  __builtin_trap();\n}\nint main(void) { f(); }"
    )
    done = hypercell("run", source, "--flag=-O0")
    assert done.returncode == 134
    assert "trap.c, line 2, in f" in done.stderr
    assert all(line.startswith("hypercell: ") for line in done.stderr.splitlines())


def test_time_out_is_124(tmp_path: Path) -> None:
    source = write(tmp_path, "loop.c", "int main(void) { for (volatile int i = 0;; i++) {} }")
    done = hypercell("run", source, "--timeout", "0.5")
    assert done.returncode == 124
    assert "TimedOut" in done.stderr
    assert "for more time: --timeout SECONDS" in done.stderr
    assert "%" not in done.stderr  # magics are for notebooks


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_program_that_runs_and_one_that_reads(
    tmp_path: Path, number: signal.Signals
) -> None:
    runs = 'puts("up"); fflush(stdout); for (volatile int i = 0;; i++) {}'
    reads = 'puts("up"); fflush(stdout); getchar();'
    for text in (runs, reads):
        source = write(tmp_path, "program.c", text)
        with subprocess.Popen(
            [*HYPERCELL, "run", str(source)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            process.send_signal(number)
            assert process.wait(timeout=550) == 130
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()


def test_the_memory_limit_is_the_owners_word(tmp_path: Path) -> None:
    source = write(
        tmp_path,
        "memory.c",
        "char *volatile p = malloc(64 << 20); if (!p) return 3; memset(p, 1, 64 << 20);"
        "return p[5] - 1;",
    )
    assert hypercell("run", source).returncode == 0
    done = hypercell("run", source, "--mem", "16M")
    assert done.returncode == 125
    assert "MemoryLimitExceeded" in done.stderr


def test_a_build_error_points_at_the_line(tmp_path: Path) -> None:
    done = hypercell("run", write(tmp_path, "bad.c", "int main(void) {\n  return x;\n}\n"))
    assert done.returncode == 125
    assert "undeclared identifier 'x'" in done.stderr
    assert "BuildError" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.wasm", b"\0asm\1\0\0\0\xff", "InvalidModule"),
        ("empty.wasm", b"", "InvalidModule"),
        ("bad.wat", b"(module", "bad.wat"),
        ("bad.wat", b"\xff", "not UTF-8"),
        ("what.rb", b"puts", "known: .c, .py, .sql, .wasm, .wat"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    done = hypercell("run", tmp_path / name)
    assert done.returncode == 125
    assert message in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr


def test_missing_file(tmp_path: Path) -> None:
    done = hypercell("run", tmp_path / "none.c")
    assert (done.returncode, "No such file" in done.stderr) == (125, True)


def test_a_terminal_gets_no_escape_sequence_but_colours(tmp_path: Path) -> None:
    text = r"#include <stdio.h>" '\nint main(void) { printf("\\x1b[31mred\\x1b]0;title\\a\\n"); }'
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*HYPERCELL, "run", str(write(tmp_path, "e.c", text))], stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
    os.close(ours)
    assert process.returncode == 0
    assert b"\x1b[31mred" in shown
    assert b"\x1b]0;" not in shown


def test_no_process_stays(tmp_path: Path) -> None:
    source = write(tmp_path, "s.wat", '(module (func (export "_start")))')
    with subprocess.Popen([*HYPERCELL, "run", str(source)]) as process:
        pass
    assert process.returncode == 0
    deadline = time.monotonic() + 120
    while (left := _of(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def _of(parent: int) -> set[int]:
    """Servers that a process started, and what they forked; other kernels may run here as well."""
    started = f"\0--parent\0{parent}\0".encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if started in path.read_bytes():
                found.add(int(path.parent.name))
    return found


def test_doctor_runs_a_vm() -> None:
    done = hypercell("doctor")
    assert "ok     run" in done.stdout, done.stdout + done.stderr
    assert "MISSING" not in done.stdout
    assert "seccomp" in done.stdout
    assert "40 + 2 = 42 in a micro-VM" in done.stdout
    verdict = "To do: " if done.returncode else "All is well"
    assert done.stdout.strip().splitlines()[-1].startswith(verdict)


def test_toolchain_list() -> None:
    done = hypercell("toolchain", "list")
    assert done.returncode == 0
    assert "installed" in done.stdout
    done = hypercell("toolchain", "install", "cobol")
    assert (done.returncode, "cobol" in done.stderr) == (1, True)
    done = hypercell("toolchain", "install", "c")
    assert (done.returncode, "already installed" in done.stdout) == (0, True)


def test_closed_streams(tmp_path: Path) -> None:
    source = write(tmp_path, "read.py", "import sys\nprint(len(sys.stdin.read()))")
    for close, said in (("<&-", "0\n"), (">&-", ""), ("<&- >&- 2>&-", "")):
        command = [*HYPERCELL, "run", str(source)]
        shell = ["sh", "-c", f'"$@" {close}', "sh", *command]
        done = subprocess.run(shell, input="xyz", capture_output=True, text=True, timeout=550)
        assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


def test_a_terminal_that_lacks_a_character(tmp_path: Path) -> None:
    source = write(tmp_path, "x.wat", '(module (func (export "\\c3\\a9")))')
    done = subprocess.run(
        [*HYPERCELL, "run", str(source)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\xe9()" in done.stdout
