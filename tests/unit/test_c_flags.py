"""The flags of a magic line."""

import pytest

from hypercell.kernel.errors import UsageError
from hypercell.kernel.languages.clang import commands
from hypercell.kernel.languages.clang.flags import parse


def test_debug_is_on_below_o2_only():
    assert parse([]).debug
    assert "-g" in parse([]).compile
    assert parse(["-O0"]).debug
    assert not parse(["-O2"]).debug
    assert "-g" not in parse(["-O2"]).compile
    assert parse(["-O2", "-g"]).debug
    assert not parse(["-g0"]).debug


def test_ordinary_flags_are_sorted():
    text = "-O2 -std=c23 -DX=1 -D Y -Wall -I inc -lm -L lib -l foo -msimd128 -fwrapv"
    flags = parse(text.split())
    assert flags.level == "-O2"
    assert flags.compile == ("-std=c23", "-DX=1", "-DY", "-Wall", "-Iinc", "-msimd128", "-fwrapv")
    assert flags.link == ("-lm", "-Llib", "-lfoo")
    assert flags.library_paths == ("lib",)
    assert flags.libraries == ("m", "foo")


def test_the_last_level_wins_and_o_means_o1():
    assert parse(["-O3", "-O0"]).level == "-O0"
    assert parse(["-O"]).level == "-O1"


def test_a_sanitizer_traps_because_there_is_nothing_that_could_report():
    assert parse(["-fsanitize=undefined"]).compile[-2:] == (
        "-fsanitize=undefined",
        "-fsanitize-trap=all",
    )
    with pytest.raises(UsageError, match="address"):
        parse(["-fsanitize=address"])


def test_the_stack():
    assert parse(["-Wl,-z,stack-size=8388608"]).stack == 8 << 20
    with pytest.raises(UsageError, match="256 MiB"):
        parse(["-Wl,-z,stack-size=999999999"])


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "x"],
        ["-c"],
        ["-E"],
        ["-S"],
        ["-MD"],
        ["-MF", "x"],
        ["-Xclang", "-load"],
        ["-Xlinker", "x"],
        ["-mllvm", "-debug"],
        ["@file"],
        ["-Wl,--export-all"],
        ["-Wa,-x"],
        ["-Wp,-MD,x"],
        ["-fplugin=x.so"],
        ["-fpass-plugin=x.so"],
        ["-include-pch", "x"],
        ["-pthread"],
        ["--target=x86_64-linux-gnu"],
        ["-target", "x86_64"],
        ["-march=native"],
        ["-m32"],
        ["-isysroot", "/"],
        ["--sysroot=/"],
        ["-B/"],
        ["-resource-dir", "/"],
        ["-working-directory=/"],
        ["-save-temps"],
        ["-ftime-trace"],
        ["-fmodules"],
        ["-fprofile-generate"],
        ["-flto"],
        ["-x", "c++"],
        ["util.c"],
        ["-"],
        [""],
        ["-frob"],
        ["-I"],
        ["-D"],
        ["-DX\n"],
        ["-l../../x"],
        ["-fcrash-diagnostics-dir=/home"],
        ["-fdebug-prefix-map=a=b"],
        ["-cc1"],
        ["-v"],
        ["-###"],
        ["-gsplit-dwarf"],
        ["-D" + "x" * 5000],
        ["-Wall"] * 300,
    ],
)
def test_everything_else_is_refused_with_what_is_known(words: list[str]):
    with pytest.raises(UsageError):
        parse(words)


def test_the_refusal_says_why_and_what_instead():
    with pytest.raises(UsageError) as caught:
        parse(["-o", "x"])
    assert "outputs" in caught.value.message
    assert "-O2" in caught.value.hint


def test_the_objects_come_last_so_that_a_snapshot_can_hold_the_rest():
    line = commands.link_line(parse(["-L", "lib", "-lfoo", "-lm"]), ["/obj/0.o", "/obj/1.o"])
    assert line[-5:] == ("/obj/0.o", "/obj/1.o", "-lfoo", "-o", commands.PROGRAM)
    assert "-L/home/lib" in line
    assert "-lm" not in line  # it is part of libc


def test_in_the_usual_order_they_come_first():
    line = commands.link_line(parse([]), ["/obj/0.o"], own_first=True)
    assert line.index("/obj/0.o") < line.index("-lc")
