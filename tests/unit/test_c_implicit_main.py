"""Cells without main: what is at file scope, what is in main, and that no position moves."""

import re

import pytest

from hypercell.kernel.languages.clang.implicit_main import defines_main, translation_unit
from hypercell.kernel.languages.clang.items import Sort, cut
from hypercell.kernel.languages.clang.lexer import Kind, tokens


def halves(source: str, first_line: int = 1) -> tuple[str, str]:
    """What is above ``int main`` and what is below."""
    text = translation_unit(source, first_line)
    above, found, below = re.split(r"(int main\((?:void|int argc, char \*\*argv)\) \{\n)", text)
    assert found
    return above, below


def sorts(source: str) -> list[Sort]:
    items = cut(tokens(source))
    assert items is not None
    return [item.sort for item in items]


@pytest.mark.parametrize(
    "source",
    [
        "int main(void) { return 0; }",
        "int main() {}",
        "main() { return 0; }",
        "int\nmain (int argc, char *argv[])\n{\n}",
        "#include <stdio.h>\nint main(void)\n#ifdef X\n#endif\n{ }",
        "int main(argc, argv) int argc; char **argv; { return 0; }",
        "int f(void) { return 1; } int main(void) { return f(); }",
        "int main(void) __attribute__((noinline)) { }",
        "int main(void) { ",
        "auto main(void) -> int",
    ][:-1],
)
def test_a_cell_with_main_is_left_as_it_is(source: str):
    assert defines_main(tokens(source))
    assert translation_unit(source, 7) == f'#line 7 "cell"\n{source}\n'


@pytest.mark.parametrize(
    "source",
    [
        "// int main(void) {}",
        '"int main(void) {}";',
        "/* int main(void) { */ puts(main_text);",
        "int main;",
        "int main(void);",
        "#define M int main(void) {}",
        "void f(void) { main(); }",
        "f(main);",
        "{ int main(void) { } }",
    ],
)
def test_other_mains_do_not_count(source: str):
    assert not defines_main(tokens(source))


def test_statements_go_into_main_with_the_headers_they_need():
    above, below = halves('printf("%d\\n", 6*7);')
    assert above.startswith("#include <stdio.h>\n")
    assert "printf" not in above.splitlines()[-1]
    assert 'printf("%d\\n", 6*7);' in below


def test_headers_only_for_names_that_are_used_and_not_declared():
    assert "math.h" in halves("double x = sqrt(2);")[0]
    assert "math.h" not in halves("double round(double x) { return x; } round(1);")[0]
    assert "#include" not in halves("int x = 1;")[0]


def test_functions_go_to_file_scope_and_take_along_what_they_use():
    source = (
        "int n = 5;\nint other = 1;\ntypedef int number;\nnumber f(void) { return n; }\nn = f();"
    )
    above, below = halves(source)
    assert "int n = 5;" in above
    assert "typedef int number;" in above
    assert "number f(void)" in above
    assert "int other = 1;" in below
    assert "n = f();" in below
    assert "number f(void)" not in below


def test_what_uses_what_a_function_uses_goes_along():
    source = "struct p { int x; };\nstruct p all[3];\nint f(void) { return all[0].x; }\nf();"
    above, _ = halves(source)
    assert "struct p { int x; };" in above
    assert "struct p all[3];" in above


def test_an_initialiser_that_is_not_constant_stays_in_main():
    above, below = halves('int n = atoi("3");\nint f(int n) { return n; }\nf(n);')
    assert "atoi" in below
    assert "atoi" not in above


@pytest.mark.parametrize(
    "source",
    [
        "int a = 1;\nint b = a;\nint f(int b) { return b; }\nf(b);",
        "int n = 3;\nint v[n];\nint f(int *v) { return *v; }\nf(v);",
        "register int i = 0;\nint f(int i) { return i; }\nf(i);",
    ],
)
def test_what_may_not_stand_at_file_scope_stays(source: str):
    moved = source.splitlines()[-3]
    assert moved in halves(source)[1]


def test_every_line_and_column_stays():
    source = (
        "#include <stdio.h>\nint n = 1; // one\nint f(int x) {\n\treturn x + n;\n}\n"
        '#define TWICE(x) ((x) * 2)\nputs("a"); int m = f(2); puts("b");\n/* end */ f(m);\n'
    )
    first = 5
    text = translation_unit(source, first)
    line, seen = 0, {}
    for row in text.splitlines():
        directive = re.match(r'#line (\d+) "cell"', row)
        if directive:
            line = int(directive[1])
            continue
        for token in tokens(row):
            if token.kind is not Kind.DIRECTIVE:
                seen.setdefault((line, token.start), token.text)
        line += 1
    for number, row in enumerate(source.splitlines(), first):
        for token in tokens(row):
            if token.kind is not Kind.DIRECTIVE:
                assert seen[number, token.start] == token.text, (number, token.text)


def test_macros_begin_anew_in_the_second_half():
    text = translation_unit(
        "#define A 1\nf(A);\n#undef A\n#define A 2\nint f(int x) { return x; }", 1
    )
    assert text.count('#pragma push_macro("A")') == 1
    assert text.count('#pragma pop_macro("A")') == 1
    assert text.index("#define A 1") < text.index("push_macro") < text.index("#undef A")


def test_an_include_in_the_middle_is_read_once_at_file_scope():
    above, below = halves("int x = 1;\n#include <math.h>\nx = sin(x);")
    assert "#include <math.h>\n" in above.split("#line", 1)[1]
    assert "#include" not in below


def test_conditions_are_in_both_halves():
    above, below = halves('#ifdef X\nputs("x");\n#else\nputs("y");\n#endif')
    for half in (above, below):
        assert [word for word in ("#ifdef", "#else", "#endif") if word in half] == [
            "#ifdef",
            "#else",
            "#endif",
        ]


def test_argc_and_argv_are_there_when_they_are_named():
    assert "int main(int argc, char **argv)" in translation_unit("puts(argv[0]);", 1)
    assert "int main(void)" in translation_unit("int argc = 1; argc++;", 1)


def test_unbalanced_braces_get_no_text_of_ours_behind_them():
    for source in ("for (;;) {\n puts(1);", "puts(1); }\nputs(2);", "f((1);"):
        text = translation_unit(source, 3)
        assert text.endswith(source + "\n")
        assert '#line 3 "cell"\nint main(void) {' in text


def test_definitions_alone_get_an_empty_main_unless_another_source_may_have_one():
    source = "int f(void) { return 1; }"
    assert "int main(void)" in translation_unit(source, 1)
    assert "int main(void)" not in translation_unit(source, 1, complete=True)
    assert "int main(void)" not in translation_unit('#include "program.c"\n', 1)
    assert "int main(void)" in translation_unit("", 1)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("int f(int);", Sort.PROTOTYPE),
        ("static inline int f(int x) { return x; }", Sort.FUNCTION),
        ("__attribute__((noinline)) int f(void) { return 1; }", Sort.FUNCTION),
        ("[[nodiscard]] int f(void) { return 1; }", Sort.FUNCTION),
        ("int (*f(void))(int) { return 0; }", Sort.FUNCTION),
        ("struct p f(struct p x) { return x; }", Sort.FUNCTION),
        ("struct __attribute__((packed)) p { int x; };", Sort.TYPE),
        ("enum c { A, B = f(1) };", Sort.TYPE),
        ("typedef struct { int x; } p;", Sort.TYPE),
        ("int (*f)(int);", Sort.VARIABLE),
        ("FILE *f = fopen(a, b);", Sort.VARIABLE),
        ("int a[] = {1, 2}, b;", Sort.VARIABLE),
        ("struct p x = { .a = 1 };", Sort.VARIABLE),
        ("f(1);", Sort.STATEMENT),
        ("x = (struct p){1};", Sort.STATEMENT),
        ("if (a) { b(); } else if (c) d(); else { e(); }", Sort.STATEMENT),
        ("do { a(); } while (b);", Sort.STATEMENT),
        ("switch (a) { case 1: b(); }", Sort.STATEMENT),
        ("EACH(x) { f(x); }", Sort.STATEMENT),
        ("again: f();", Sort.STATEMENT),
        ("return 3;", Sort.STATEMENT),
        ("{ int x; }", Sort.STATEMENT),
        ("i++;", Sort.STATEMENT),
        ("*p = 3;", Sort.STATEMENT),
        ("#define X { (", Sort.DIRECTIVE),
    ],
)
def test_what_an_item_is(source: str, expected: Sort):
    assert sorts(source) == [expected]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("int a, *b, c[3], (*d)(int), e = f(1, 2);", {"a", "b", "c", "d", "e"}),
        ("typedef int (*op)(int, int);", {"op"}),
        ("enum c { A, B = 3, C } x;", {"c", "A", "B", "C", "x"}),
        ("struct p { int x; } q = {1};", {"p", "q"}),
        ("int f(int a), g(void);", {"f", "g"}),
        ("char *(*table[3])(void);", {"table"}),
    ],
)
def test_what_a_declaration_declares(source: str, names: set[str]):
    items = cut(tokens(source))
    assert items is not None
    assert items[0].declares == names


@pytest.mark.parametrize(
    "source",
    [
        "if(1)" * 20_000,
        "(" * 30_000,
        "struct{}" * 20_000,
        '"' * 99_999 + "\\",
        "f(((" * 9_000 + "){",
        "#include <stdio.h>\\\n",
    ],
    ids=["deep", "open", "wide", "quotes", "heads", "continued"],
)
def test_hostile_text_ends_as_text_for_clang(source: str):
    assert source in translation_unit(source, 1)
