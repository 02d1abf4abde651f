"""When an object of the cache is still right."""

from __future__ import annotations

import pytest

from hypercell.kernel.home import Home, HomeEntry
from hypercell.kernel.languages.clang import dependencies
from hypercell.kernel.tar_reader import Kind
from hypercell.vmm.program import Limits


def home(**files: str) -> Home:
    made = Home()
    for name, text in files.items():
        made.write(name.replace("__", "/").replace("_", "."), text.encode(), Limits())
    return made


def test_the_rule_is_read_as_clang_writes_it():
    text = "/tmp/unit.o: .c.c /usr/include/stdio.h \\\n  ./a\\ b.h /home/d$$/x.h \\\n  c\\#.h\n"
    assert dependencies.read_rule(text) == [
        ".c.c",
        "/usr/include/stdio.h",
        "./a b.h",
        "/home/d$/x.h",
        "c#.h",
    ]
    assert dependencies.read_rule("nonsense") == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("util.h", "util.h"),
        ("./util.h", "util.h"),
        ("lib/../util.h", "util.h"),
        ("/home/lib/x.h", "lib/x.h"),
        ("/usr/include/stdio.h", None),
        ("../usr/x", None),
        ("/homely/x", None),
    ],
)
def test_paths_below_home(path: str, expected: str | None):
    assert dependencies.below_home(path) == expected


def test_only_what_was_read_matters():
    before = home(util_h="1", other_h="1")
    depends = dependencies.of_build(["util.h"], [b'#include "util.h"'], before.entries())
    assert dependencies.still_holds(depends, before.entries())
    assert dependencies.still_holds(depends, home(util_h="1", other_h="2").entries())
    assert dependencies.still_holds(depends, home(util_h="1").entries())
    assert not dependencies.still_holds(depends, home(util_h="2", other_h="1").entries())
    assert not dependencies.still_holds(depends, home(other_h="1").entries())


def test_a_new_file_of_the_same_name_may_be_found_first():
    depends = dependencies.of_build(["/usr/include/stdio.h"], [b""], home().entries())
    assert dependencies.still_holds(depends, home(x_txt="").entries())
    assert not dependencies.still_holds(depends, home(stdio_h="").entries())
    assert not dependencies.still_holds(depends, home(lib__stdio_h="").entries())


@pytest.mark.parametrize(
    "text",
    [
        b'#if __has_include("x.h")',
        b'__asm__(".incbin \\"x\\"");',
        b'asm(".incbin \\"x\\"");',
        b"#define P(a, b) a ## b",
        b'#if __has_embed("x")',
    ],
)
def test_what_looks_for_files_in_other_ways_depends_on_all_of_home(text: bytes):
    depends = dependencies.of_build([], [text], home(a_txt="1").entries())
    assert dependencies.still_holds(depends, home(a_txt="1").entries())
    assert not dependencies.still_holds(depends, home(a_txt="2").entries())
    assert not dependencies.still_holds(depends, home(a_txt="1", b_txt="").entries())
    in_header = home(u_h=text.decode(), a_txt="1")
    depends = dependencies.of_build(["u.h"], [b'#include "u.h"'], in_header.entries())
    assert depends.everything


def test_the_word_wasm_is_no_assembler():
    assert not dependencies.of_build([], [b"int wasm; // plasma"], {}).everything


def test_symbolic_links_make_all_of_home_count():
    entries = {"a": HomeEntry(Kind.FILE, b"1"), "l.h": HomeEntry(Kind.SYMLINK, target="a")}
    depends = dependencies.of_build(["l.h"], [b""], entries)
    assert dependencies.still_holds(depends, entries)
    assert not dependencies.still_holds(depends, {**entries, "a": HomeEntry(Kind.FILE, b"2")})
    plain = dependencies.of_build(["a"], [b""], {"a": entries["a"]})
    assert not dependencies.still_holds(plain, entries)


def test_dates_are_not_kept():
    assert dependencies.repeatable([b"__FILE__", b"x"])
    for word in (b"__DATE__", b"__TIME__", b"__TIMESTAMP__"):
        assert not dependencies.repeatable([b"x", word])
