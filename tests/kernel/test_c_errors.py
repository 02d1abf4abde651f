"""What clang and wasm-ld refuse, and what is too much for them."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import msgspec
import pytest
from c_session import empty_session, failed, includes, plain, printed, run, start_session, write  # noqa: F401 - two are fixtures

from hypercell.kernel.config import Config
from hypercell.kernel.errors import BuildError, ToolchainMissing
from hypercell.kernel.languages.clang import tool_run
from hypercell.kernel.session import Session
from hypercell.vmm.errors import Interrupted

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("source", "place", "message"),
    [
        (includes("stdio") + "int main(void) {\n  return x;\n}", "cell:4:10:", "'x'"),
        ('printf("%d", y);', "cell:2:14:", "'y'"),
        ("int a = 1\nint b;", "cell:2:10:", "expected ';'"),
        ("int f(int x) {\n  return x\n}\nf(1);", "cell:3:11:", "expected ';'"),
        ('puts("a");\nfor (;;) {\n  puts("b");', "cell:4:", "expected '}'"),
        ('int n = 1;\n\n  char *s = n + "a" * 2;\nputs(s);', "cell:4:21:", "invalid operands"),
        ('#include "nope.h"\nputs("a");', "cell:2:10:", "'nope.h' file not found"),
        ("#define F(x) (x +)\nint n = F(1);", "cell:3:9:", "expected expression"),
        ('puts("open);', "cell:2:6:", "expected expression"),
    ],
)
async def test_errors_have_the_lines_of_the_notebook_cell(
    session: Session, source: str, place: str, message: str
) -> None:
    error, text = await failed(session, source)
    assert place in text
    assert message in error.message
    assert "^" in text
    assert "hypercell-" not in text


async def test_a_cell_without_a_magic_line_begins_at_line_1() -> None:
    async with Session(Config(language="c")) as session:
        result = await session.execute("int a;\nint b = c;")
    assert isinstance(result.error, BuildError)
    assert "cell:2:9:" in plain(result.error.diagnostics)


async def test_all_errors_are_counted(session: Session) -> None:
    error, text = await failed(session, "a();\nb();\nint x = c;")
    assert "2 more" in error.message
    assert text.count("error:") == 3


async def test_an_error_in_a_header_says_who_included_it(session: Session) -> None:
    await write(session, bad_h="int f(void) {\n  return q; }\n")
    _, text = await failed(session, '#include "bad.h"\nputs("a");')
    assert "In file included from cell:2:" in text
    assert "bad.h:2:10: error" in text


async def test_undefined_symbols(session: Session) -> None:
    error, text = await failed(session, "int nope(void);\nreturn nope();")
    assert error.message == "undefined symbol: nope"
    assert "cell: undefined symbol: nope" in text
    assert "--add" in error.hint


async def test_what_wasi_does_not_have_is_explained(session: Session) -> None:
    error, _ = await failed(session, "int fork(void);\nfork();")
    assert "no processes" in error.hint


async def test_warnings_are_shown_and_the_program_runs(session: Session) -> None:
    for _ in range(2):  # made, and from the cache
        result = await run(session, 'int n;\nputs("ran");', "-Wall")
        assert result.stdout == b"ran\n"
        assert "cell:2:5: warning: unused variable 'n'" in plain(result.stderr.decode())
    assert not (await run(session, 'int n;\nputs("ran");')).stderr


@pytest.mark.parametrize(
    "source",
    [
        '#include "/etc/passwd"',
        '#include "/proc/self/environ"',
        '__asm__(".incbin \\"/etc/passwd\\"");',
        "#embed </etc/passwd>",
        '#include "../../../../etc/passwd"',
        '#include "/dev/zero"',
    ],
)
async def test_the_host_cannot_be_included(session: Session, source: str) -> None:
    error, text = await failed(session, f"{source}\nint main(void) {{ return 0; }}")
    assert "root:" not in text
    assert re.search("not found|Could not find|cannot open file", error.message + text)


MACROS = "".join(
    f"#define A{n + 1} A{n} A{n} A{n} A{n} A{n} A{n} A{n} A{n} A{n}\n" for n in range(9)
)
BOMB = f"#define A0 x;\n{MACROS}int main(void) {{ A9 }}"


async def test_a_bomb_ends_in_time(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    short = msgspec.structs.replace(tool_run.LIMITS, wall=1.0)
    monkeypatch.setattr(tool_run, "LIMITS", short)
    error, _ = await failed(session, BOMB)
    assert "more than 1 s" in error.message
    assert await printed(session, 'puts("next");') == "next\n"


async def test_a_compile_can_be_interrupted(session: Session) -> None:
    running = asyncio.create_task(run(session, BOMB))
    await asyncio.sleep(0.5)
    session.interrupt()
    result = await asyncio.wait_for(running, 500)
    assert isinstance(result.error, Interrupted)
    assert await printed(session, 'puts("next");') == "next\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("struct s { char a[1000000000]; } x[2];", "MiB of memory"),
        ("char a[3000000000u];", "MiB of memory"),
        ("int x = " + "(" * 100_000 + ";", "end of its stack"),
    ],
)
async def test_what_is_too_large_for_the_compiler(
    session: Session, source: str, message: str
) -> None:
    error, _ = await failed(session, f"{source}\nint main(void) {{ return 0; }}")
    assert message in error.message


async def test_without_the_toolchain_a_cell_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYPERCELL_TOOLCHAINS", str(tmp_path))
    async with Session(Config()) as own:
        result = await run(own, f'puts("{os.urandom(8).hex()}");')
        assert isinstance(result.error, ToolchainMissing)
        assert "hypercell toolchain install c" in result.error.hint
        assert (await own.execute('%%wat\n(module (func (export "_start")))')).ok
