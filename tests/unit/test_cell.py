"""The text of a cell: magics, options, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypercell.kernel.cell import FileWrite, LineMagic, parse_cell
from hypercell.kernel.cell_limits import cell_limits
from hypercell.kernel.errors import LimitRefused, UsageError
from hypercell.kernel.languages.base import Cell, OptionHelp
from hypercell.kernel.languages.wat import Wat
from hypercell.kernel.option_parser import parse_seconds
from hypercell.kernel.options import Invocation, Options
from hypercell.vmm.program import Limits


class Flagged(Wat):
    """A language with flags of its own."""

    name = "lang"
    common = frozenset({"--invoke", "--add"})
    options = (OptionHelp("--own", "X"),)

    def check_flags(self, flags):
        return tuple(flags)


LANGUAGES = {"lang": Flagged(), "wat": Wat()}


def parse(text: str):
    return parse_cell(text, languages=LANGUAGES, default="lang", label="cell 1")


def options(line: str) -> Options:
    body = parse(f"%%lang {line}\nx").body
    assert isinstance(body, Cell)
    return body.options


def test_a_cell_without_a_magic_is_in_the_default_language() -> None:
    assert parse("\n\nint x;\n").body == Cell("\n\nint x;\n", "lang", label="cell 1")


def test_line_numbers_of_a_source_behind_magics() -> None:
    parsed = parse("%files\n\n%cat 'a b'\n%%wat --mem 1M\n(module)\n")
    assert parsed.lines == (LineMagic("files", (), 1), LineMagic("cat", ("a b",), 3))
    assert isinstance(parsed.body, Cell)
    assert (parsed.body.source, parsed.body.first_line) == ("(module)\n", 5)
    parsed = parse("%files\nint x;\n")
    assert isinstance(parsed.body, Cell)
    assert (parsed.body.source, parsed.body.first_line) == ("int x;\n", 2)


def test_half_a_surrogate_pair_is_no_text() -> None:
    body = parse("%%wat\n\ud800").body
    assert isinstance(body, Cell)
    assert body.source == "?"


def test_only_line_magics() -> None:
    assert parse("%files\n\n").body is None
    assert parse("").body is None


def test_a_percent_inside_of_the_source_is_source() -> None:
    body = parse("int x = 5\n% 3;\n").body
    assert isinstance(body, Cell)
    assert body.source == "int x = 5\n% 3;\n"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("%%file a.txt\none\ntwo", FileWrite("a.txt", "one\ntwo\n")),
        ("%%file -a 'a b'\nx\n", FileWrite("a b", "x\n", append=True)),
        ("%%file empty", FileWrite("empty", "")),
        ("\n  %%file a\n%%c\n%x\n", FileWrite("a", "%%c\n%x\n")),
    ],
)
def test_file(text: str, body: FileWrite) -> None:
    assert parse(text).body == body


@pytest.mark.parametrize("text", ["%%file", "%%file a b", "%%file -x a", "%%file 'a"])
def test_file_misused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_every_common_option() -> None:
    assert options(
        "-O2 --mem 64M --timeout=500ms --stdin '3 4\\n5' --env A=1 --env=B=x=y "
        "--fresh --name 'my cell' --add a.c --add=b.c --own --invoke f 2 -3 --invoke g "
        "--args a -b --unknown --allow net"
    ) == Options(
        mem=64 << 20,
        timeout=0.5,
        stdin="3 4\n5",
        env=(("A", "1"), ("B", "x=y")),
        fresh=True,
        name="my cell",
        add=("a.c", "b.c"),
        invoke=(Invocation("f", ("2", "-3")), Invocation("g")),
        args=("a", "-b", "--unknown"),
        allow=("net",),
        flags=("-O2", "--own"),
    )


def test_a_flag_ends_the_arguments_of_invoke() -> None:
    assert options("--invoke f -1 -0x2 -.5 -inf -O2").flags == ("-O2",)


def test_the_name_is_the_label() -> None:
    body = parse("%%lang --name demo\nx").body
    assert isinstance(body, Cell)
    assert body.label == "demo"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--mem", "--mem needs a value"),
        ("--mem lots", "is not a size"),
        ("--mem 0", "not between"),
        ("--timeout 0", "is no time"),
        ("--timeout -1", "is no time"),
        ("--timeout nan", "is no time"),
        ("--env X", "NAME=VALUE"),
        ("--env =x", "NAME=VALUE"),
        ("--invoke", "needs the name"),
        ("--fresh=yes", "takes no value"),
        ("--name '\x1b[31m'", "--name takes"),
        ("--stdi x", "no option --stdi"),
        ("'open", "closing quotation"),
        ("\0", "NUL"),
        ("x" * 20000, "longer than"),
    ],
)
def test_what_is_wrong_is_said(line: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        options(line)


def test_did_you_mean() -> None:
    with pytest.raises(UsageError) as caught:
        options("--timeot 3")
    assert caught.value.hint.startswith("did you mean --timeout?")
    with pytest.raises(UsageError) as caught:
        parse("%%watt\n")
    assert "did you mean %%wat?" in caught.value.hint
    assert "%%file" in caught.value.hint


def test_add_means_nothing_for_wat() -> None:
    with pytest.raises(UsageError, match="means nothing"):
        parse("%%wat --add x\n(module)")
    with pytest.raises(UsageError, match="does not know -O2"):
        parse("%%wat -O2\n(module)")


@pytest.mark.parametrize(("text", "seconds"), [("5", 5), ("0.5", 0.5), ("20ms", 0.02), ("2m", 120)])
def test_seconds(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


def test_limits_go_down_freely_and_up_to_the_maximum_only() -> None:
    default, most = Limits(memory=100 << 20, wall=10), Limits(memory=200 << 20, wall=20)
    assert cell_limits(Options(), default, most) == default
    assert cell_limits(Options(mem=1 << 20, timeout=1.0), default, most).memory == 1 << 20
    assert cell_limits(Options(mem=200 << 20, timeout=20), default, most).wall == 20
    for refused in (Options(mem=(200 << 20) + 1), Options(timeout=20.1), Options(allow=("net",))):
        with pytest.raises(LimitRefused) as caught:
            cell_limits(refused, default, most)
        assert caught.value.hint
    with pytest.raises(UsageError):
        cell_limits(Options(mem=1), default, most)


@given(st.text(max_size=200))
def test_any_text_parses_or_is_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        parse(text)


@given(st.text(max_size=100))
def test_any_magic_line(line: str) -> None:
    with contextlib.suppress(UsageError):
        parse(f"%%lang {line}\nx")
