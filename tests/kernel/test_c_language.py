"""The C language itself: programs, cells without main, errors, files, flags, traps, the cache."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from hypercell.kernel.config import Config
from hypercell.kernel.errors import BuildError, UsageError
from hypercell.kernel.home import Home
from hypercell.kernel.languages.base import BuildContext, Cell, Options
from hypercell.kernel.languages.c import LANGUAGE
from hypercell.kernel.languages.clang import build, commands, flags, tool_run
from hypercell.kernel.languages.clang.tools import Tools
from hypercell.kernel.result import CellResult
from hypercell.kernel.session import Session
from hypercell.kernel.toolchains.store import ToolchainStore
from hypercell.vmm.cache import Cache
from hypercell.vmm.errors import ExitStatus, Interrupted, Trap
from hypercell.vmm.program import Limits

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Session]:
    async with Session(Config()) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def session(shared: Session) -> Session:
    shared.home.clear()
    return shared


async def run(session: Session, source: str, options: str = "") -> CellResult:
    return await session.execute(f"%%c {options}\n{source}")


async def printed(session: Session, source: str, options: str = "") -> str:
    result = await run(session, source, options)
    assert result.ok, plain(result.traceback)
    return result.stdout.decode()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


async def write(session: Session, **files: str) -> None:
    for name, text in files.items():
        suffixed = re.sub(r"_(\w)$", r".\1", name).replace("__", "/")
        session.home.write(suffixed, text.encode(), Limits())


def includes(*names: str) -> str:
    return "".join(f"#include <{name}.h>\n" for name in names)


PROGRAMS = {
    "hello": (includes("stdio") + 'int main(void) { puts("hello"); return 0; }', "hello\n"),
    "printf": ('printf("%5.2f|%-4d|%x|%s", 3.14159, 7, 255, "s");', " 3.14|7   |ff|s"),
    "long double": ('printf("%.3Lf", 1.0L / 3);', "0.333"),
    "math": ('printf("%.4f %.4f", sin(1), pow(2, 0.5));', "0.8415 1.4142"),
    "strings": (
        'char b[20]; strcpy(b, "abc"); strcat(b, "def"); printf("%zu%s", strlen(b), b);',
        "6abcdef",
    ),
    "qsort": (
        includes("stdio", "stdlib")
        + "static int by(const void *a, const void *b) { return *(int *)a - *(int *)b; }\n"
        "int main(void) { int v[] = {3, 1, 2}; qsort(v, 3, sizeof *v, by);\n"
        'for (int i = 0; i < 3; i++) printf("%d", v[i]); }',
        "123",
    ),
    "malloc": (
        "long n = 0; for (int i = 0; i < 1000; i++) { char *p = malloc(i + 1); p[i] = 1; n += p[i];"
        'if (i % 2) free(p); } printf("%ld", n);',
        "1000",
    ),
    "own malloc": (
        includes("stdio", "stddef") + "static char pool[65536]; static size_t at;\n"
        "void *malloc(size_t n) { void *p = pool + at; at += (n + 15) & ~15ul; return p; }\n"
        "void free(void *p) { }\n"
        "void *calloc(size_t n, size_t m) { return malloc(n * m); }\n"
        "void *realloc(void *p, size_t n) { return malloc(n); }\n"
        "int main(int c, char **v) {\n"
        '  char *p = malloc(3); printf("%d", p >= pool && p < pool + 65536); }',
        "1",
    ),
    "struct by value": (
        "typedef struct { int a; double b; } pair;\n"
        "pair swap(pair p) { return (pair){(int)p.b, p.a}; }\n"
        'pair p = swap((pair){1, 2}); printf("%d %g", p.a, p.b);',
        "2 1",
    ),
    "recursion": (
        'int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }\nprintf("%d", fib(20));',
        "6765",
    ),
    "varargs": (
        "int sum(int n, ...) { va_list a; va_start(a, n); int s = 0;\n"
        "while (n--) s += va_arg(a, int); va_end(a); return s; }\n"
        'printf("%d", sum(3, 1, 2, 3));',
        "6",
    ),
    "setjmp": (
        "jmp_buf b; void jump(void) { longjmp(b, 7); }\n"
        'int r = setjmp(b); if (!r) jump(); printf("%d", r);',
        "7",
    ),
    "signal": ('printf("%d", signal(SIGINT, SIG_IGN) == SIG_DFL);', "1"),
    "clock": ('printf("%d%d", clock() >= 0, time(NULL) > 1700000000);', "11"),
    "64 bit": ('uint64_t x = UINT64_MAX; printf("%" PRIu64, x / 3);', "6148914691236517205"),
    "wide": ('setlocale(LC_ALL, "C.UTF-8"); printf("%ls", L"\\u00e4\\u20ac");', "ä€"),
    "utf-8 text": ('printf("%s", "größe → 5");', "größe → 5"),
    "complex": ('double complex z = 3 + 4 * I; printf("%g", cabs(z));', "5"),
    "generic": (
        '#define kind(x) _Generic((x), int: "int", double: "double", default: "?")\n'
        "fputs(kind(1), stdout); fputs(kind(1.), stdout);",
        "intdouble",
    ),
    "files": (
        'FILE *f = fopen("/tmp/x", "w+"); fprintf(f, "abc"); rewind(f); char b[4] = "";'
        "fread(b, 1, 3, f); fclose(f); puts(b);",
        "abc\n",
    ),
    "directories": (
        'mkdir("d", 0777); fclose(fopen("d/f", "w"));'
        'DIR *d = opendir("d"); struct dirent *e; int n = 0;'
        'while ((e = readdir(d))) n++; printf("%d", n);',
        "3",
    ),
    "goto": ('int i = 0;\nagain: if (i++ < 3) goto again;\nprintf("%d", i);', "4"),
    "prototype first": (
        'int twice(int);\nprintf("%d", twice(4));\nint twice(int x) { return 2 * x; }',
        "8",
    ),
    "global of a function": (
        'int n = 1;\nvoid up(void) { n++; }\nup(); up(); printf("%d", n);',
        "3",
    ),
    "macros in between": (
        '#define A 1\nprintf("%d", A);\n#undef A\n#define A 2\n'
        'int g(void) { return A; }\nprintf("%d%d", A, g());',
        "122",
    ),
    "conditions": ('#if defined(NOPE)\nputs("no");\n#else\nputs("yes");\n#endif', "yes\n"),
    "list": (
        "struct node { int v; struct node *next; };\n"
        "struct node *push(struct node *l, int v) {\n"
        "  struct node *n = malloc(sizeof *n); *n = (struct node){v, l}; return n; }\n"
        "struct node *l = NULL;\nfor (int i = 0; i < 3; i++) l = push(l, i);\n"
        'for (; l; l = l->next) printf("%d", l->v);',
        "210",
    ),
    "own y1": ('double y1(double x) { return 42; }\nprintf("%g", y1(1));', "42"),
    "nothing": ("", ""),
    "comments only": ("// nothing\n/* at all */", ""),
    "definitions only": ("int f(void) { return 1; }", ""),
    "big output": ('for (int i = 0; i < 100000; i++) puts("0123456789");', "0123456789\n" * 100000),
}


@pytest.mark.parametrize("name", PROGRAMS)
async def test_programs(session: Session, name: str) -> None:
    source, expected = PROGRAMS[name]
    assert await printed(session, source) == expected


@pytest.mark.parametrize(
    ("options", "source", "expected"),
    [
        ("-O0", 'printf("%d", 1);', "1"),
        ("-O2", 'printf("%d", 2);', "2"),
        ("-O3 -ffast-math", 'printf("%g", sqrt(16));', "4"),
        ("-Os", "puts(__FILE__);", "cell\n"),
        ("-std=c23", 'constexpr int n = 3; printf("%d%ld", n, __STDC_VERSION__);', "3202311"),
        ("-std=c99 -pedantic-errors", 'printf("%ld", __STDC_VERSION__);', "199901"),
        ("-DN=5 -D TEXT='\"a b\"'", 'printf("%d%s", N, TEXT);', "5a b"),
        ("-DN -UN", '#ifdef N\nputs("yes");\n#else\nputs("no");\n#endif', "no\n"),
        ("-lm", 'printf("%g", cbrt(27));', "3"),
        ("-fsigned-char -fwrapv", 'int x = INT_MAX; x++; printf("%d", x == INT_MIN);', "1"),
        (
            "-msimd128 -O2",
            "#include <wasm_simd128.h>\nv128_t a = wasm_i32x4_splat(3);"
            'printf("%d", wasm_i32x4_extract_lane(wasm_i32x4_add(a, a), 2));',
            "6",
        ),
        ("-mtail-call -mbulk-memory", 'char a[99]; memset(a, 1, 99); printf("%d", a[98]);', "1"),
        (
            "-Wl,-z,stack-size=8388608",
            'volatile char b[4 << 20]; b[0] = 1; printf("%d", b[0]);',
            "1",
        ),
    ],
)
async def test_flags(session: Session, options: str, source: str, expected: str) -> None:
    assert await printed(session, source, options) == expected


@pytest.mark.parametrize(
    "option", ["-o x", "-Xclang -load", "@/etc/passwd", "-fplugin=x.so", "-frob"]
)
async def test_other_flags_are_refused(session: Session, option: str) -> None:
    result = await run(session, 'puts("ran");', option)
    assert isinstance(result.error, UsageError)
    assert "-O2" in result.error.hint
    assert not result.stdout


async def failed(session: Session, source: str, options: str = "") -> tuple[BuildError, str]:
    result = await run(session, source, options)
    assert isinstance(result.error, BuildError), (result.error, result.stdout)
    assert not result.stdout
    return result.error, plain(result.error.diagnostics)


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


async def test_a_cell_without_a_magic_line_begins_at_line_1(session: Session) -> None:
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


async def test_several_sources_and_headers(session: Session) -> None:
    await write(
        session,
        util_h="int twice(int);\n",
        util_c='#include "util.h"\nint twice(int x) { return 2 * x; }\n',
        lib__more_c='#include "../util.h"\nint more(int x) { return twice(x) + 1; }\n',
    )
    source = '#include "util.h"\nint more(int);\nprintf("%d", more(3));'
    assert await printed(session, source, "--add util.c --add lib/more.c") == "7"
    assert await printed(session, '#include <util.h>\nputs("found");', "-I .") == "found\n"


async def test_main_may_be_in_another_source(session: Session) -> None:
    await write(session, prog_c="int answer(void);\nint main(void) { return answer(); }\n")
    result = await run(session, "int answer(void) { return 3; }", "--add prog.c")
    assert result.exit_code == 3


async def test_objects_and_libraries_of_home(session: Session) -> None:
    ctx = context(session)
    made = await build.unit(ctx, "twice.c", b"int twice(int x) { return 2 * x; }", flags.parse([]))
    session.home.write("twice.o", made.object, Limits())
    source = 'int twice(int);\nprintf("%d", twice(4));'
    assert await printed(session, source, "--add twice.o") == "8"
    session.home.write("lib/libtwice.a", archive("twice.o", made.object), Limits())
    assert await printed(session, source, "-L lib -l twice") == "8"


def archive(name: str, data: bytes) -> bytes:
    """An ar archive without an index, as ``ar rcS`` makes it."""
    header = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(data):<10}`\n".encode()
    return b"!<arch>\n" + header + data + b"\n" * (len(data) % 2)


@pytest.mark.parametrize("name", ["nope.c", "util.h", "../x.c", "/etc/passwd"])
async def test_add_takes_sources_of_home(session: Session, name: str) -> None:
    await write(session, util_h="int x;\n")
    result = await run(session, 'puts("a");', f"--add {name}")
    assert result.error is not None
    assert name.rpartition("/")[2] in result.error.message


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


async def test_home_can_be_embedded(session: Session) -> None:
    await write(session, data_t="embedded")
    source = 'static const char text[] = {\n#embed "data.t"\n, 0};\nputs(text);'
    assert await printed(session, source, "-std=c23") == "embedded\n"
    binary = (
        '__asm__(".section .rodata.x,\\"\\",@\\nblob:\\n"'
        '".incbin \\"/home/data.t\\"\\n.size blob, 8\\n");'
    )
    result = await run(session, f"{binary}\nint main(void) {{ return 0; }}")
    assert result.ok, plain(result.traceback)


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
    result = await asyncio.wait_for(running, 10)
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


@pytest.mark.parametrize("options", ["", "-O0", "-O2 -g"])
async def test_a_trap_names_the_lines_of_the_cell(session: Session, options: str) -> None:
    source = (
        "#include <stdlib.h>\n__attribute__((noinline)) int down(int n) {\n"
        "  if (n == 0)\n    abort();\n  return down(n - 1) + n;\n}\n"
        "int main(int argc, char **argv) {\n  return down(argc);\n}"
    )
    result = await run(session, source, options)
    assert isinstance(result.error, Trap)
    text = plain(result.traceback)
    assert "line 5, in down\n    abort();" in text
    assert "line 9, in main\n    return down(argc);" in text


async def test_a_trap_in_statements_and_in_another_file(session: Session) -> None:
    await write(session, bad_c="int bad(int *p) {\n  return *p;\n}\n")
    result = await run(session, "int bad(int *);\n\nreturn bad((int *)0xfffffff0);", "--add bad.c")
    text = plain(result.traceback)
    assert "bad.c, line 2, in bad\n    return *p;" in text
    assert "line 4, in main\n    return bad(" in text


async def test_undefined_behaviour_traps_where_it_is(session: Session) -> None:
    source = "int main(int argc, char **argv) {\n  int n = 2147483647;\n  return n + argc;\n}"
    result = await run(session, source, "-O0 -fsanitize=undefined")
    assert isinstance(result.error, Trap)
    assert "line 4, in main" in plain(result.traceback)


async def test_a_stack_that_ends_is_a_trap(session: Session) -> None:
    source = (
        "int deep(int n) { volatile char b[1000]; b[0] = n; return deep(n + 1) + b[0]; }\ndeep(0);"
    )
    result = await run(session, source, "-O0")
    assert isinstance(result.error, Trap)
    assert "in deep" in plain(result.traceback)


async def test_exit_codes(session: Session) -> None:
    for code in (1, 3, 42, 255):
        result = await run(session, f"exit({code});")
        assert isinstance(result.error, ExitStatus)
        assert result.exit_code == code
    assert (await run(session, "return 7;")).exit_code == 7
    assert (await run(session, "exit(0);")).ok


async def test_arguments_environment_and_input(session: Session) -> None:
    source = (
        'printf("%d %s %s ", argc, argv[1], getenv("E"));'
        "int c; while ((c = getchar()) != EOF) putchar(c);"
    )
    assert await printed(session, source, "--args 'a b' --env E=v --stdin text") == "2 a b v text"


# --- building, without a session's own run ------------------------------------------------------


def context(session: Session, cache: Cache | None = None, home: Home | None = None) -> BuildContext:
    hypervisor = session._hypervisor
    assert hypervisor is not None
    return BuildContext(
        hypervisor=hypervisor,
        home=session.home if home is None else home,
        toolchains=ToolchainStore(),
        limits=Limits(),
        cache=cache,
    )


class Counting:
    """Counts the runs of the compiler and the linker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        original = Tools.run

        async def counted(
            tools: Tools, ctx: BuildContext, begin: object, *rest: object, **more: object
        ) -> object:
            self.lines.append(begin.line[0])  # type: ignore[attr-defined]
            return await original(tools, ctx, begin, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(Tools, "run", counted)

    def taken(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


async def test_what_was_built_is_found_again(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await printed(session, 'puts("start");')
    cache = Cache(tmp_path / "cache")
    home = Home()
    home.write("util.h", b"#define N 1\n", Limits())
    home.write("util.c", b"int util(void) { return 1; }\n", Limits())
    count = Counting(monkeypatch)
    options = Options(add=("util.c",))
    cell = Cell('#include "util.h"\nint util(void);\nreturn N + util();', "c", options, 2, "cell 1")
    ctx = context(session, cache, home)

    first = await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang", "clang", "wasm-ld"]
    again = await LANGUAGE.build(cell, ctx)
    assert count.taken() == []
    assert again.wasm == first.wasm
    assert again.code.key == first.code.key

    home.write("other.txt", b"x", Limits())
    await LANGUAGE.build(cell, ctx)
    assert count.taken() == []
    home.write("util.h", b"#define N 2\n", Limits())
    changed = await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang", "wasm-ld"]
    assert changed.wasm != first.wasm
    home.write("util.c", b"int util(void) { return 2; }\n", Limits())
    await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang", "wasm-ld"]
    home.write("sub/util.h", b"", Limits())  # could be found first, with other flags
    await LANGUAGE.build(cell, ctx)
    assert count.taken() == ["clang"]
    cache.close()


async def test_a_text_that_looks_for_files_depends_on_all_of_home(
    session: Session, tmp_path: Path
) -> None:
    await printed(session, 'puts("start");')
    cache, home = Cache(tmp_path / "cache"), Home()
    cell = Cell('#if __has_include("x.h")\nreturn 1;\n#else\nreturn 0;\n#endif', "c")
    ctx = context(session, cache, home)
    before = await LANGUAGE.build(cell, ctx)
    home.write("x.h", b"", Limits())
    assert (await LANGUAGE.build(cell, ctx)).wasm != before.wasm
    cache.close()


async def test_objects_are_the_same_each_time_and_each_way(session: Session) -> None:
    await printed(session, 'puts("start");')
    ctx, chosen = context(session), flags.parse(["-DDETERMINISM"])
    source = b'#include <stdio.h>\nint main(void) { printf("%d\\n", 6 * 7); return 0; }\n'
    cold = await build.unit(ctx, commands.CELL, source, chosen)
    await Tools.of(ctx.hypervisor).prepared()
    begun = [await build.unit(ctx, commands.CELL, source, chosen) for _ in range(3)]
    assert {unit.object for unit in (cold, *begun)} == {cold.object}
    linked = [await build.link(ctx, [cold], chosen)]
    await Tools.of(ctx.hypervisor).prepared()
    linked += [await build.link(ctx, [cold], chosen) for _ in range(3)]
    assert len({one.wasm for one in linked}) == 1


async def test_errors_are_the_same_from_a_snapshot(session: Session) -> None:
    await printed(session, 'puts("start");')
    ctx, chosen = context(session), flags.parse(["-DERRORS"])
    good = b'#line 2 "cell"\n#include <stdio.h>\nint main(void) { return 0; }\n'
    bad = b'#line 2 "cell"\n#include <stdio.h>\nint main(void) { return x; }\n'
    messages = []
    for source in (bad, good, bad):
        try:
            await build.unit(ctx, commands.CELL, source, chosen)
        except BuildError as error:
            messages.append(error.diagnostics)
        await Tools.of(ctx.hypervisor).prepared()
    assert len(messages) == 2
    assert messages[0] == messages[1]
    assert "cell:3:25:" in plain(messages[0])
