"""Errors as a notebook shows them."""

from __future__ import annotations

import pytest

from hypercell.kernel.errors import BuildError, CellException
from hypercell.kernel.languages.base import SourceFile
from hypercell.kernel.safe_text import without_colours
from hypercell.kernel.traceback_text import TRAPS, Symbols, render
from hypercell.vmm import abi
from hypercell.vmm.errors import (
    ExitStatus,
    HypercellError,
    Interrupted,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    TimedOut,
    Trap,
)
from hypercell.vmm.outcome import Frame


def frame(name: str, index: int = 0) -> Frame:
    return Frame("cell", index, name, 0x10 + index)


def shown(error, **kwargs) -> str:
    return without_colours(render(error, **kwargs))


def test_a_trap_reads_like_a_traceback() -> None:
    error = Trap(
        "wasm trap",
        code=abi.TRAP_INTEGER_DIVISION_BY_ZERO,
        frames=(frame("divide"), frame("main"), frame("_start")),
    )
    symbols = Symbols(
        (("/home/cell.c", 3), ("/home/cell.c", 6), ("crt1.c", 9)),
        (SourceFile("cell.c", "int divide(int a, int b) {\n  return a / b;\n}\n", 2, "cell 3"),),
    )
    assert shown(error, symbols=symbols) == (
        "Traceback (most recent call last):\n"
        "  _start, crt1.c, line 9\n"
        "  cell 3, line 6, in main\n"
        "  cell 3, line 3, in divide\n"
        "    return a / b;\n"
        "Trap: integer division by zero\n"
        "hint: check the divisor before / and %"
    )


def test_without_symbols() -> None:
    error = Trap("x", code=abi.TRAP_UNREACHABLE, frames=(frame(""), frame("f", 1)))
    text = shown(error)
    assert "  f, code offset 0x11\n  function 0, code offset 0x10\n" in text


def test_a_long_stack_is_cut_in_the_middle() -> None:
    frames = tuple(frame(f"f{n}", n) for n in range(1000))
    text = shown(Trap("x", code=abi.TRAP_STACK_OVERFLOW, frames=frames))
    assert "… 976 more …" in text
    assert text.index("f999,") < text.index("f0,")
    assert len(text.splitlines()) < 30


def test_a_recursion_is_one_frame() -> None:
    frames = tuple(frame("f") for _ in range(500))
    text = shown(Trap("x", code=abi.TRAP_STACK_OVERFLOW, frames=frames))
    assert text.count("f, code offset") == 1
    assert "499 more of the same" in text


def test_names_of_a_guest_cannot_act() -> None:
    error = Trap("\x1b]0;x\x07", code=abi.TRAP_OTHER, frames=(frame("\x1b[2J\nforged"),))
    symbols = Symbols((("a\x1b[2J\n", 1),))
    text = render(error, symbols=symbols)
    assert "\x1b[2J" not in text
    assert "\x1b]" not in text
    assert "\nforged" not in text


def test_the_trap_behind_a_memory_limit_is_shown() -> None:
    trap = Trap("x", code=abi.TRAP_UNREACHABLE, frames=(frame("f"),))
    error = MemoryLimitExceeded("too much", hint="less")
    error.__cause__ = trap
    assert shown(error).startswith("Traceback")
    assert shown(error).endswith("MemoryLimitExceeded: too much\nhint: less")


def test_diagnostics_come_before_the_message() -> None:
    error = BuildError("no good", diagnostics="\x1b[1mcell 1:2:3:\x1b[0m error\x07\n")
    assert render(error).startswith("\x1b[1mcell 1:2:3:\x1b[0m error␇\n")
    assert shown(error).endswith("BuildError: no good")


def test_exit() -> None:
    assert shown(ExitStatus("exit code 3", code=3)) == "ExitStatus: exit code 3"


def test_every_trap_has_words() -> None:
    codes = {value for name, value in vars(abi).items() if name.startswith("TRAP_")}
    assert codes - set(TRAPS) <= {abi.TRAP_OTHER, abi.TRAP_HEAP_MISALIGNED}


def test_what_calls_main_is_not_shown() -> None:
    error = Trap("t", code=0, frames=(frame("main"), frame("_start")))
    symbols = Symbols((("cell.c", 2), None), (SourceFile("cell.c", "int x;\n", 2, "cell 1"),))
    assert "_start" not in shown(error, symbols=symbols)
    assert "_start" in shown(error)


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("ModuleNotFoundError", "No module named 'numpy'", "%pip install NAME"),
        ("FileNotFoundError", "[Errno 44] No such file or directory: '/etc/passwd'", "/home and"),
        ("URLError", "<urlopen error [Errno 2] Permission denied>", "no network"),
        ("RuntimeError", "can't start new thread", "no threads"),
        ("MemoryError", "", "%limits"),
        ("OSError", "[Errno 69] Read-only file system: '/x'", "/home and /tmp only"),
        ("OSError", "[Errno 58] wasi does not support processes.", "no shell"),
    ],
)
def test_beginners_mistakes_have_a_hint(name: str, text: str, hint: str) -> None:
    last = shown(CellException(text, name=name, traceback="the traceback")).splitlines()
    assert last[0] == "the traceback"
    assert last[1].startswith("hint: ")
    assert hint in last[1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ZeroDivisionError", "division by zero"),
        ("FileNotFoundError", "[Errno 44] No such file or directory: '/home/data.csv'"),
        ("FileNotFoundError", "[Errno 44] No such file or directory: 'data.csv'"),
        ("PermissionError", "[Errno 2] Permission denied: '/home/x'"),
    ],
)
def test_an_error_that_says_all_has_none(name: str, text: str) -> None:
    assert shown(CellException(text, name=name, traceback="the traceback")) == "the traceback"


@pytest.mark.parametrize("error", [TimedOut("t"), OutputLimitExceeded("t"), Interrupted("t")])
def test_a_cell_that_was_ended_says_what_is_left_of_it(error: HypercellError) -> None:
    assert "nothing of this cell is kept" in shown(error)
