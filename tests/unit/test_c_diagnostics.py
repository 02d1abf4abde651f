"""What clang and wasm-ld say, in terms of the cell; and where a stub may stand for the cell."""

import pytest

from hypercell.kernel.languages.clang import commands, diagnostics, preamble
from hypercell.kernel.languages.clang.flags import parse


def test_the_stub_is_not_seen():
    raw = (
        b"In file included from .hypercell-stub.c:2:\n"
        b"\x1b[1mcell:3:5: \x1b[0m\x1b[0;1;31merror: \x1b[0m\x1b[1muse of x\x1b[0m\n"
        b"In file included from ./.hypercell-stub.c:2:\n"
        b"In file included from cell:1:\n./util.h:1:1: error: y\n"
    )
    text = diagnostics.of_compiler(raw)
    assert "stub" not in text
    assert text.startswith("\x1b[1mcell:3:5:")
    assert "In file included from cell:1:\n./util.h" in text


def test_the_first_error_is_the_message():
    error = diagnostics.compile_error(
        "cell:1:1: warning: w\n\x1b[1mcell:2:1: \x1b[0;31merror: \x1b[0mbad thing\x1b[0m\n"
        "cell:3:1: fatal error: worse\n"
    )
    assert error.message == "bad thing (and 1 more)"
    assert "\x1b[" in error.diagnostics
    assert diagnostics.compile_error("").message


def test_the_linker_speaks_of_sources():
    raw = (
        b"wasm-ld: error: /obj/0.o: undefined symbol: nope\n"
        b"wasm-ld: error: /obj/1.o: undefined symbol: fork\n"
        b"wasm-ld: warning: /usr/lib/wasm32-wasip1/libc.a(x.o): note\n"
    )
    text = diagnostics.of_linker(raw, {"/obj/0.o": "cell", "/obj/1.o": "util.c"})
    assert text.splitlines() == [
        "error: cell: undefined symbol: nope",
        "error: util.c: undefined symbol: fork",
        "warning: libc.a(x.o): note",
    ]
    error = diagnostics.link_error(text)
    assert error.message == "undefined symbols: nope, fork"
    assert "no processes" in error.hint
    assert "main" in diagnostics.link_error("error: crt1.o: undefined symbol: main").hint


def test_more_than_a_notebook_can_bear_is_cut():
    assert len(diagnostics.of_compiler(b"x" * 1_000_000)) < 70_000


def test_bytes_that_are_no_utf_8_do_not_matter():
    assert diagnostics.of_compiler(b"cell:1:1: error: \xff\xfe\n")


def stub(source: str, *words: str) -> str | None:
    begun = preamble.begin(commands.CELL, source.encode(), parse(words))
    return begun.files[0].data.decode() if begun.files else None


def test_leading_standard_headers_are_read_ahead():
    source = (
        '#line 2 "cell"\n// text\n#include <stdio.h>\n\n # include <math.h> // m\n'
        "int x;\n#include <time.h>"
    )
    assert stub(source) == (f'#include <stdio.h>\n#include <math.h>\n#include "{commands.CELL}"\n')


@pytest.mark.parametrize(
    "source",
    [
        '#include "util.h"\n#include <stdio.h>',
        "#define N 1\n#include <stdio.h>",
        "#include <nope.h>\n#include <stdio.h>",
        "#include <../x.h>\n",
        "int x;\n#include <stdio.h>",
        "#ifdef X\n#include <stdio.h>\n#endif",
        "/* */ #include <stdio.h>",
    ],
)
def test_only_these(source: str):
    assert stub(source) == f'#include "{commands.CELL}"\n'


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("__BASE_FILE__", ()),
        ("int x = __COUNTER__;", ()),
        ("#pragma once", ()),
        ("#include_next <stdio.h>", ()),
        ("int x;", ("-Wall",)),
        ("int x;", ("-w",)),
        ("int x;", ("-pedantic",)),
        ("int x;", ("-include", "util.h")),
    ],
)
def test_where_a_stub_could_be_told_from_a_source_there_is_none(
    source: str, words: tuple[str, ...]
):
    assert stub(source, *words) is None


def test_other_sources_have_no_stub():
    assert not preamble.begin("util.c", b"#include <stdio.h>", parse([])).files
