"""Programs and cells without main, with many flags: what they print; and traps."""

from __future__ import annotations

import pytest
from c_session import empty_session, includes, plain, printed, run, start_session, write  # noqa: F401 - two are fixtures

from hypercell.kernel.errors import UsageError
from hypercell.kernel.session import Session
from hypercell.vmm.errors import ExitStatus, Trap

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
